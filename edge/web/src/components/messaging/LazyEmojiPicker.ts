import { defineAsyncComponent } from 'vue'

/** The choice of emoji, loaded when it is first opened. */
export default defineAsyncComponent(() => import('./EmojiPicker.vue'))
