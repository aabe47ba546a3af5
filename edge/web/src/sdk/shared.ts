/** Questions that are under way: who asks the same meanwhile gets the same answer, and nobody is asked twice. */
export class Shared<Key, Answer> {
  private readonly under = new Map<Key, Promise<Answer>>()

  of(key: Key, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.under.get(key)
    if (known !== undefined) return known
    const asking = ask().finally(() => this.under.delete(key))
    this.under.set(key, asking)
    return asking
  }
}
