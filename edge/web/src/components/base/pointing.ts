/**
 * Icons that point along the line of reading, or against it. Where one reads from right to left they are mirrored
 * (`.pointing` in `controls.css`); `direction.spec.ts` sees that nobody takes them elsewhere.
 */
import * as lucide from '@lucide/vue'
import { h, type FunctionalComponent } from 'vue'

const pointing =
  (icon: lucide.LucideIcon): FunctionalComponent =>
  (_, { attrs }) =>
    h(icon, { ...attrs, class: 'pointing' }) // a class that was given falls through to it

export const ArrowLeft = /* @__PURE__ */ pointing(lucide.ArrowLeft)
export const ChevronLeft = /* @__PURE__ */ pointing(lucide.ChevronLeft)
export const ChevronRight = /* @__PURE__ */ pointing(lucide.ChevronRight)
export const LogOut = /* @__PURE__ */ pointing(lucide.LogOut)
export const Reply = /* @__PURE__ */ pointing(lucide.Reply)
export const RotateCcw = /* @__PURE__ */ pointing(lucide.RotateCcw)
export const SendHorizontal = /* @__PURE__ */ pointing(lucide.SendHorizontal)
