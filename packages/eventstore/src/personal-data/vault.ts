import { on, type Database, type Queryable } from '../database.js'
import type { RecordedEvent } from '../event.js'
import type { SerializedEvent, StreamAppend } from '../sql/insert-events.js'
import {
  claimSubjects,
  selectForgottenAmong,
  selectForgottenOfStream,
  type SubjectOfStream,
} from '../sql/subject-statements.js'
import { PersonalDataUnreadableError, SubjectForgottenError } from './errors.js'
import { KeyCache } from './key-cache.js'
import type { KeyStore, SubjectKey } from './key-store.js'
import { forEachSealed, hasPersonalPart, revealData, sealEvent } from './personal-events.js'
import { PostgresKeyStore } from './postgres-key-store.js'

/** How the keys of data subjects are kept. */
export interface PersonalDataOptions {
  /** Where keys are; the table `subject_keys` unless said. */
  readonly keyStore?: KeyStore
  /** 32 bytes that encrypt the keys in `subject_keys`, so that a copy of the database alone reveals nothing. */
  readonly masterKey?: Uint8Array
  /** How long a key is used before it is asked for again; 30,000 ms unless said. */
  readonly cacheTtlMs?: number
  /** How many keys are held at most; 10,000 unless said. */
  readonly cacheSize?: number
}

type Sealable = Pick<RecordedEvent, 'id' | 'data'>

/** Encrypts personal data on its way into the log, and decrypts it on its way to those who may read it. */
export class Vault {
  readonly keys: KeyStore
  private readonly cache: KeyCache

  constructor(
    private readonly database: Database,
    { keyStore, masterKey, cacheTtlMs = 30_000, cacheSize = 10_000 }: PersonalDataOptions = {},
  ) {
    this.keys = keyStore ?? new PostgresKeyStore(database, masterKey)
    this.cache = new KeyCache({ size: cacheSize, ttlMs: cacheTtlMs })
  }

  /** The same as {@link Vault.sealAll} for one part; nothing is done to a part without personal data. */
  async seal(part: StreamAppend, transaction?: Queryable): Promise<StreamAppend> {
    const [sealed = part] = hasPersonalPart(part) ? await this.sealAll([part], transaction) : []
    return sealed
  }

  /**
   * Encrypts the personal fields of an append, after its subjects were linked with the streams.
   *
   * In a caller's transaction nothing is remembered: a key that is rolled back must not encrypt anything later.
   *
   * @throws {SubjectForgottenError}
   */
  async sealAll(parts: readonly StreamAppend[], transaction?: Queryable): Promise<StreamAppend[]> {
    const links = parts.flatMap(({ streamId, events }) =>
      events.flatMap(({ personal }) => (personal ? { subject: personal.subject, streamId } : [])),
    )
    const keys = await this.keysFor(links, transaction)
    const seal = (event: SerializedEvent, streamId: string) => {
      if (!event.personal) return event
      const key = keys.get(event.personal.subject)
      if (!key) throw new SubjectForgottenError(event.personal.subject, streamId)
      return sealEvent(event, event.personal, key)
    }
    return parts.map((part) => ({
      ...part,
      events: part.events.map((event) => seal(event, part.streamId)),
      // A key that this transaction made may still be rolled back, so what is found here is not remembered.
      reveal: (events, queryable) => this.reveal(events, { queryable, remember: transaction === undefined }),
    }))
  }

  private async keysFor(
    links: readonly SubjectOfStream[],
    transaction: Queryable | undefined,
  ): Promise<ReadonlyMap<string, SubjectKey>> {
    const unknown = links.filter(({ subject, streamId }) => !this.cache.isLinked(subject, streamId))
    if (unknown.length > 0) {
      const forgotten = new Set(await claimSubjects(on(this.database, transaction ?? this.database.queryable), unknown))
      const refused = unknown.find(({ subject }) => forgotten.has(subject))
      if (refused) {
        this.cache.delete(refused.subject)
        throw new SubjectForgottenError(refused.subject, refused.streamId)
      }
    }
    const keys = new Map<string, SubjectKey>()
    const missing = new Set<string>()
    for (const { subject } of links) {
      const key = this.cache.get(subject)
      if (key) keys.set(subject, key)
      else missing.add(subject)
    }
    if (missing.size > 0) {
      for (const [subject, key] of await this.keys.create([...missing], transaction)) {
        keys.set(subject, key)
        if (!transaction) this.cache.set(subject, key)
      }
    }
    if (!transaction) for (const { subject, streamId } of unknown) this.cache.link(subject, streamId)
    return keys
  }

  /**
   * Decrypts what is encrypted in events; data of forgotten subjects becomes what replaces it.
   *
   * @throws {PersonalDataUnreadableError}
   */
  async reveal<E extends Sealable>(
    events: readonly E[],
    { queryable = this.database.queryable, forgotten, remember = true }: RevealOptions = {},
  ): Promise<readonly E[]> {
    const subjects = new Set<string>()
    for (const { data } of events) forEachSealed(data, ({ subject }) => subjects.add(subject))
    if (subjects.size === 0) return events
    const database = on(this.database, queryable)
    const gone = forgotten ?? (await selectForgottenAmong(database, [...subjects]))
    const present = [...subjects].filter((subject) => !gone.has(subject))
    const keys = await this.keysToRead(database, present, remember)
    return events.map((event) => ({
      ...event,
      data: revealData(event.id, event.data, ({ subject }) => (gone.has(subject) ? undefined : keys.get(subject))),
    }))
  }

  private async keysToRead(
    database: Database,
    subjects: readonly string[],
    remember: boolean,
  ): Promise<ReadonlyMap<string, SubjectKey>> {
    const keys = new Map<string, SubjectKey>()
    const unknown: string[] = []
    for (const subject of subjects) {
      const key = this.cache.get(subject)
      if (key) keys.set(subject, key)
      else unknown.push(subject)
    }
    if (unknown.length === 0) return keys
    for (const [subject, key] of await this.keys.find(unknown, database.queryable)) {
      keys.set(subject, key)
      if (remember) this.cache.set(subject, key)
    }
    const missing = unknown.filter((subject) => !keys.has(subject))
    if (missing.length === 0) return keys
    // Forgotten in this very moment, or lost: only the first may be taken for an answer.
    const forgotten = await selectForgottenAmong(database, missing)
    const lost = missing.find((subject) => !forgotten.has(subject))
    if (lost !== undefined) {
      throw new PersonalDataUnreadableError(lost, 'its key is missing although nobody forgot it: restore the keys')
    }
    return keys
  }

  /** The subjects of a stream that were forgotten. */
  forgottenOf(streamId: string): Promise<ReadonlySet<string>> {
    return selectForgottenOfStream(this.database, streamId)
  }

  /** Lets go of a key that was deleted. */
  drop(subject: string): void {
    this.cache.delete(subject)
  }
}

export interface RevealOptions {
  /** The caller's transaction, for the look-ups. */
  readonly queryable?: Queryable
  /** The forgotten subjects where they are known already. */
  readonly forgotten?: ReadonlySet<string> | undefined
  /** Whether keys that are found may be used again later; so unless said. */
  readonly remember?: boolean
}
