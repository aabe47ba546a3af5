/// <reference types="vite/client" />

// For eslint, whose TypeScript cannot read .vue files; vue-tsc reads them and never looks here.
declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent
  export default component
}
