import type { Queryable } from '../database.js'

/** The key of one data subject: 256 bits for AES. */
export interface SubjectKey {
  readonly id: string
  readonly key: Buffer
}

/**
 * Where the keys of data subjects are kept: in Postgres beside the events, or in a service of your own.
 *
 * `queryable` is the caller's transaction where there is one; a store outside of Postgres does not need it. Subjects that were forgotten are
 * never asked for, except in the moment of being forgotten.
 */
export interface KeyStore {
  /** The keys of those subjects that have one. */
  find(subjects: readonly string[], queryable?: Queryable): Promise<ReadonlyMap<string, SubjectKey>>
  /** The keys of all of them, made where they are missing; two that make one at once get the same. A deleted key is never made again. */
  create(subjects: readonly string[], queryable?: Queryable): Promise<ReadonlyMap<string, SubjectKey>>
  /** Deletes a key for good; nothing happens when there is none. */
  delete(subject: string, queryable?: Queryable): Promise<void>
}
