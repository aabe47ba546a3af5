import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from '@/App.vue'
import { followPointing } from '@/composables/pointed'
import { followViewport } from '@/composables/viewport'
import { i18n } from '@/i18n'
import { followInstall, INSTALL } from '@/offline/install'
import { followWorker, UPDATE } from '@/offline/update'
import { makeRouter } from '@/router'
import { theme } from '@/theme'
import '@fontsource-variable/inter/index.css'
import '@fontsource-variable/jetbrains-mono/index.css'
import '@/design/tokens.css'
import '@/design/base.css'
import '@/components/base/controls.css'

followViewport()
followPointing()
theme.start()
const install = followInstall()
await i18n.start()
const router = makeRouter()
const update = followWorker({
  // While it is being developed, what is served changes under the worker's feet.
  container: import.meta.env.PROD ? navigator.serviceWorker : undefined,
  reload: () => location.reload(),
  show: (path) => void router.push(path),
  now: () => Date.now(),
})
createApp(App).use(createPinia()).use(router).provide(INSTALL, install).provide(UPDATE, update).mount('#app')
