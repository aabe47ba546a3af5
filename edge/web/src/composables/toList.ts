import { useRouter } from 'vue-router'

/**
 * Back to the list. Where one came from there it is a step back, else the list takes the conversation's place: either way
 * the browser's own back does not lead into what was just left.
 */
export function useToList(): () => void {
  const router = useRouter()
  return () => {
    if ((history.state as { back?: unknown } | null)?.back === '/') router.back()
    else void router.replace('/')
  }
}
