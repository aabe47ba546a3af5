import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** What is dropped: files, and whether a folder was among them. */
export interface Dropped {
  readonly files: readonly File[]
  readonly folder: boolean
}

/** Files that are dragged over an element, and dropped there. Elsewhere on the page they do not open in its place. */
export function useDropping(taken: () => boolean, onDrop: (dropped: Dropped) => void): { over: Readonly<Ref<boolean>>; listeners: Record<string, (event: DragEvent) => void> } {
  const over = ref(false)
  // Each element inside says that it is entered and left: over the whole is what is entered more often than left.
  let depth = 0
  const ours = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true && taken()

  function end(): void {
    depth = 0
    over.value = false
  }
  function keepPage(event: DragEvent): void {
    if (event.dataTransfer?.types.includes('Files') !== true || event.defaultPrevented) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'none'
  }
  window.addEventListener('dragover', keepPage)
  window.addEventListener('drop', keepPage)
  window.addEventListener('drop', end)
  onScopeDispose(() => {
    window.removeEventListener('dragover', keepPage)
    window.removeEventListener('drop', keepPage)
    window.removeEventListener('drop', end)
  })

  return {
    over: readonly(over),
    listeners: {
      dragenter(event) {
        if (!ours(event)) return
        event.preventDefault()
        depth += 1
        over.value = true
      },
      dragover(event) {
        if (!ours(event)) return
        event.preventDefault()
        event.dataTransfer!.dropEffect = 'copy'
      },
      dragleave(event) {
        if (!ours(event)) return
        depth -= 1
        if (depth <= 0) end()
      },
      drop(event) {
        if (!ours(event)) return
        event.preventDefault()
        end()
        onDrop(droppedOf(event.dataTransfer!))
      },
    },
  }
}

/** A folder comes as a file that cannot be read: it is left out. */
function droppedOf(data: DataTransfer): Dropped {
  const items = [...data.items].filter(({ kind }) => kind === 'file')
  const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry?.()?.isDirectory === true
  const folder = items.some(isFolder)
  if (!folder) return { files: [...data.files], folder }
  return { files: items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()).filter((file) => file !== null), folder }
}
