import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { precompressed } from './build/precompressed.ts'
import { worker } from './build/worker.ts'

// Where `npm run dev` finds a running edge. Host stays the browser's, so that the edge sees a page of its own origin.
const edge = process.env['PARLEY_EDGE'] ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [vue(), worker(), precompressed()],
  resolve: {
    alias: {
      '@': fileURLToPath(new URL('./src', import.meta.url)),
      'punycode.js': fileURLToPath(new URL('./src/markdown/punycode.ts', import.meta.url)),
      entities: fileURLToPath(new URL('./src/markdown/entities.ts', import.meta.url)),
    },
  },
  // All components are `<script setup>`: what reads the options of each new one is left out.
  define: { __VUE_OPTIONS_API__: 'false' },
  build: {
    target: 'es2022',
    // The Content-Security-Policy allows neither data: scripts nor data: fonts, so nothing is written into the files.
    assetsInlineLimit: 0,
    // The polyfill would be the one script that is not a module of ours; every browser that knows es2022 preloads.
    modulePreload: { polyfill: false },
    // What three or more parts share is one file: thirty small ones compress worse, by three kilobytes of a page's script.
    rollupOptions: { output: { advancedChunks: { groups: [{ name: 'shared', minShareCount: 3, test: /\/src\/(?:messaging|composables|components\/base)\/|lucide/ }] } } },
  },
  server: { proxy: { '/api': { target: edge }, '/files': { target: edge }, '/ws': { target: edge, ws: true } } },
})
