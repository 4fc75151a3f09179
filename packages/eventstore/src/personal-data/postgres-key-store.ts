import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from 'node:crypto'
import { on, type Database, type Queryable } from '../database.js'
import { ConfigurationError } from '../errors.js'
import { createSubjectKey, deleteSubjectKey, selectSubjectKeys, type StoredKey } from '../sql/subject-statements.js'
import { PersonalDataUnreadableError } from './errors.js'
import type { KeyStore, SubjectKey } from './key-store.js'

const nonceBytes = 12
const tagBytes = 16

/** Keeps keys in the table `subject_keys`, wrapped with a master key where one is given. */
export class PostgresKeyStore implements KeyStore {
  private readonly master: SubjectKey | undefined

  /** @throws {ConfigurationError} the master key has not 32 bytes. */
  constructor(
    private readonly database: Database,
    masterKey?: Uint8Array,
  ) {
    if (masterKey === undefined) return
    if (masterKey.length !== 32) {
      throw new ConfigurationError(`the master key has ${masterKey.length} bytes: make one with randomBytes(32)`)
    }
    // Tells master keys apart, and says nothing about them.
    const id = createHash('sha256').update('tidemark master key').update(masterKey).digest('hex').slice(0, 16)
    this.master = { id, key: Buffer.from(masterKey) }
  }

  async find(
    subjects: readonly string[],
    queryable: Queryable = this.database.queryable,
  ): Promise<ReadonlyMap<string, SubjectKey>> {
    const rows = await selectSubjectKeys(on(this.database, queryable), subjects)
    return new Map(rows.map((row) => [row.subject, { id: row.id, key: this.unwrap(row) }]))
  }

  async create(
    subjects: readonly string[],
    queryable: Queryable = this.database.queryable,
  ): Promise<ReadonlyMap<string, SubjectKey>> {
    const database = on(this.database, queryable)
    const known = await this.find(subjects, queryable)
    const missing = subjects.filter((subject) => !known.has(subject)).toSorted()
    if (missing.length === 0) return known
    for (const subject of missing) {
      const wrapped = this.wrap(subject, randomBytes(32))
      await createSubjectKey(database, { subject, id: randomUUID(), wrapped, masterKeyId: this.master?.id })
    }
    // Somebody else may have been faster: the key that counts is the one that is there.
    return this.find(subjects, queryable)
  }

  async delete(subject: string, queryable: Queryable = this.database.queryable): Promise<void> {
    await deleteSubjectKey(on(this.database, queryable), subject)
  }

  private wrap(subject: string, key: Buffer): Buffer {
    if (!this.master) return key
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.master.key, nonce).setAAD(Buffer.from(subject))
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
  }

  private unwrap({ subject, wrapped, masterKeyId }: StoredKey): Buffer {
    if (masterKeyId === undefined) return wrapped
    if (masterKeyId !== this.master?.id) {
      const given = this.master ? `it is ${this.master.id}` : 'there is none'
      throw new PersonalDataUnreadableError(subject, `its key needs the master key ${masterKeyId}, and ${given}`)
    }
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.master.key, wrapped.subarray(0, nonceBytes))
        .setAAD(Buffer.from(subject))
        .setAuthTag(wrapped.subarray(-tagBytes))
      return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, -tagBytes)), decipher.final()])
    } catch (cause) {
      throw new PersonalDataUnreadableError(subject, 'its key in subject_keys was changed', { cause })
    }
  }
}
