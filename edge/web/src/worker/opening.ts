/** A notification was clicked: which window shows what it is about. */

export interface Window {
  readonly url: string
  readonly focused: boolean
  focus(): Promise<unknown>
  postMessage(message: unknown): void
}

export interface Windows {
  all(): Promise<readonly Window[]>
  open(path: string): Promise<unknown>
}

/** An open window, the focused one rather than another, is asked to show `path`; without one a new one does. */
export async function show(path: string, windows: Windows): Promise<void> {
  const open = await windows.all()
  const one = open.find((each) => each.focused) ?? open[0]
  if (one === undefined) {
    await windows.open(path)
    return
  }
  // Where a browser does not let us focus, the window shows it all the same.
  await one.focus().catch(() => undefined)
  one.postMessage({ type: 'show', path })
}
