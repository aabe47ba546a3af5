import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from '@/App.vue'
import { followViewport } from '@/composables/viewport'
import { i18n } from '@/i18n'
import { makeRouter } from '@/router'
import { theme } from '@/theme'
import '@fontsource-variable/inter/index.css'
import '@fontsource-variable/jetbrains-mono/index.css'
import '@/design/tokens.css'
import '@/design/base.css'

followViewport()
theme.start()
await i18n.start()
createApp(App).use(createPinia()).use(makeRouter()).mount('#app')
