import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { PersonalDataUnreadableError } from './errors.js'
import type { SubjectKey } from './key-store.js'

/** An encrypted value, in the place of the value: `{ "$personal": … }`. */
export interface SealedValue {
  readonly subject: string
  /** The id of the key. */
  readonly key: string
  readonly nonce: string
  /** The JSON of the value, encrypted, and the tag; base64 like the nonce. */
  readonly value: string
  /** What it reads as once the subject is forgotten; missing when the property is to be left out. */
  readonly erased?: unknown
}

/** What a value is bound to: moved to another event, field or subject it cannot be opened. */
export interface SealedPlace {
  readonly eventId: string
  readonly path: readonly string[]
  readonly subject: string
}

/** The property that tells an encrypted value from any other. */
export const marker = '$personal'
const tagBytes = 16

/** Encrypts a value with AES-256-GCM under a nonce of 96 random bits. */
export function sealValue(value: unknown, place: SealedPlace, { id, key }: SubjectKey, erased: unknown): object {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(place, id))
  const encrypted = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final(), cipher.getAuthTag()])
  const sealed: SealedValue = {
    subject: place.subject,
    key: id,
    nonce: nonce.toString('base64'),
    value: encrypted.toString('base64'),
    ...(erased !== undefined && { erased }),
  }
  return { [marker]: sealed }
}

/** @throws {PersonalDataUnreadableError} it was changed or moved, or the key is another. */
export function openValue(sealed: SealedValue, place: SealedPlace, { id, key }: SubjectKey): unknown {
  const { subject } = sealed
  if (id !== sealed.key) {
    throw new PersonalDataUnreadableError(subject, `it was encrypted with key ${sealed.key}, and the key now is ${id}`)
  }
  const encrypted = Buffer.from(sealed.value, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.nonce, 'base64'))
      .setAAD(boundTo(place, id))
      .setAuthTag(encrypted.subarray(-tagBytes))
    const text = Buffer.concat([decipher.update(encrypted.subarray(0, -tagBytes)), decipher.final()]).toString('utf8')
    return JSON.parse(text) as unknown
  } catch (cause) {
    const where = `event ${place.eventId} at ${place.path.join('.')}`
    throw new PersonalDataUnreadableError(subject, `${where} was changed after it was encrypted, or moved`, { cause })
  }
}

/** The encrypted value that an object stands for; undefined for any other object. */
export function sealedValueOf(object: object): SealedValue | undefined {
  if (!Object.hasOwn(object, marker)) return undefined
  const sealed = (object as Record<string, unknown>)[marker]
  if (typeof sealed !== 'object' || sealed === null) return undefined
  const { subject, key, nonce, value } = sealed as Record<string, unknown>
  return [subject, key, nonce, value].every((part) => typeof part === 'string') ? (sealed as SealedValue) : undefined
}

function boundTo({ eventId, path, subject }: SealedPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([eventId, path.join('.'), subject, keyId]))
}
