import type { SubjectKey } from './key-store.js'

export interface KeyCacheOptions {
  /** How many subjects at most. */
  readonly size: number
  /** How long a key is used before it is asked for again. */
  readonly ttlMs: number
}

interface Entry {
  readonly key: SubjectKey
  readonly expiresAt: number
  /** The streams that the subject is known to be linked with. */
  readonly streams: Set<string>
}

const maxStreamsPerSubject = 1000

/** Keys that were used a moment ago. Whether a subject was forgotten is never answered from here. */
export class KeyCache {
  private readonly entries = new Map<string, Entry>()

  constructor(
    private readonly options: KeyCacheOptions,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(subject: string): SubjectKey | undefined {
    return this.entry(subject)?.key
  }

  set(subject: string, key: SubjectKey): void {
    this.entries.delete(subject)
    this.entries.set(subject, { key, expiresAt: this.now() + this.options.ttlMs, streams: new Set() })
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.options.size) break
      this.entries.delete(oldest)
    }
  }

  delete(subject: string): void {
    this.entries.delete(subject)
  }

  isLinked(subject: string, streamId: string): boolean {
    return this.entry(subject)?.streams.has(streamId) ?? false
  }

  link(subject: string, streamId: string): void {
    const streams = this.entry(subject)?.streams
    if (streams && streams.size >= maxStreamsPerSubject) streams.clear()
    streams?.add(streamId)
  }

  private entry(subject: string): Entry | undefined {
    const entry = this.entries.get(subject)
    if (entry && entry.expiresAt > this.now()) return entry
    this.entries.delete(subject)
    return undefined
  }
}
