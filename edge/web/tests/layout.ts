/**
 * happy-dom lays nothing out. For what depends on sizes each row is 40 px high here and the list 400, as told by a
 * ResizeObserver that speaks when it is asked to observe.
 */
export function withLayout(): void {
  class Observer {
    private readonly heard: ResizeObserverCallback
    constructor(heard: ResizeObserverCallback) {
      this.heard = heard
    }
    observe(target: Element): void {
      const height = target.hasAttribute('role') ? 400 : 40
      const entry = { target, contentRect: { width: 600, height } } as unknown as ResizeObserverEntry
      queueMicrotask(() => this.heard([entry], this))
    }
    unobserve(): void {}
    disconnect(): void {}
  }
  Object.defineProperty(window, 'ResizeObserver', { configurable: true, value: Observer })
  Object.defineProperty(globalThis, 'ResizeObserver', { configurable: true, value: Observer })
  Object.defineProperty(HTMLElement.prototype, 'offsetParent', { configurable: true, get: () => document.body })
}
