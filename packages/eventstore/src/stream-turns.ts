/**
 * Lets the commands of this process that contend for a stream take turns.
 *
 * Without it each of n commands loses against the others about n times, and reads and decides again each time. A stream for which nobody has
 * lost yet has no turns: its commands just go on.
 */
export class StreamTurns {
  private readonly last = new Map<string, Promise<void>>()

  /** Whether somebody has the turn of a stream, or waits for it. */
  isContended(streamId: string): boolean {
    return this.last.has(streamId)
  }

  /** Waits for the turn, in order of arrival; the function that it gives ends it. */
  async take(streamId: string): Promise<() => void> {
    const before = this.last.get(streamId)
    let end: () => void = () => undefined
    const turn = new Promise<void>((resolve) => (end = resolve))
    this.last.set(streamId, turn)
    await before
    return () => {
      if (this.last.get(streamId) === turn) this.last.delete(streamId)
      end()
    }
  }
}
