import { run, type Database, type Statement } from '../database.js'

const claim: Statement = {
  name: 'claim-subjects',
  text: (schema) => `select * from ${schema}.claim_subjects($1, $2)`,
}

const forgottenAmong: Statement = {
  name: 'select-forgotten-among',
  text: (schema) => `select subject from ${schema}.subjects where subject = any($1) and forgotten_at is not null`,
}

const forgottenOfStream: Statement = {
  name: 'select-forgotten-of-stream',
  text: (schema) => `
select s.subject
  from ${schema}.subject_streams l
  join ${schema}.subjects s on s.subject = l.subject
 where l.stream_id = $1 and s.forgotten_at is not null`,
}

const forget: Statement = {
  name: 'forget-subject',
  text: (schema) => `select stream_id, truncated from ${schema}.forget_subject($1, $2)`,
}

const selectKeys: Statement = {
  name: 'select-subject-keys',
  text: (schema) =>
    `select subject, key_id, encode(key, 'base64'), master_key_id from ${schema}.subject_keys where subject = any($1)`,
}

const createKey: Statement = {
  name: 'create-subject-key',
  text: (schema) => `select from ${schema}.create_subject_key($1, $2, $3, $4)`,
}

const deleteKey: Statement = {
  name: 'delete-subject-key',
  text: (schema) => `delete from ${schema}.subject_keys where subject = $1`,
}

/** A subject, and a stream that is about to hold data of it. */
export interface SubjectOfStream {
  readonly subject: string
  readonly streamId: string
}

/** Links subjects with streams, and returns those subjects that were forgotten. */
export async function claimSubjects(database: Database, links: readonly SubjectOfStream[]): Promise<string[]> {
  const values = [links.map(({ subject }) => subject), links.map(({ streamId }) => streamId)]
  return (await run<[string]>(database, claim, values)).map(([subject]) => subject)
}

/** Those of the subjects that were forgotten. */
export async function selectForgottenAmong(database: Database, subjects: readonly string[]): Promise<Set<string>> {
  return new Set((await run<[string]>(database, forgottenAmong, [subjects])).map(([subject]) => subject))
}

/** The forgotten subjects of one stream. */
export async function selectForgottenOfStream(database: Database, streamId: string): Promise<Set<string>> {
  return new Set((await run<[string]>(database, forgottenOfStream, [streamId])).map(([subject]) => subject))
}

/** A stream that holds data of a forgotten subject. */
export interface ForgottenStream {
  readonly streamId: string
  readonly truncated: boolean
}

/** Leaves the tombstone of a subject and deletes the snapshots of its streams. */
export async function forgetSubject(database: Database, subject: string, reason: string): Promise<ForgottenStream[]> {
  const rows = await run<[string, string]>(database, forget, [subject, reason])
  return rows.map(([streamId, truncated]) => ({ streamId, truncated: truncated === 't' }))
}

/** A key as it lies in the table. */
export interface StoredKey {
  readonly subject: string
  readonly id: string
  readonly wrapped: Buffer
  readonly masterKeyId: string | undefined
}

export async function selectSubjectKeys(database: Database, subjects: readonly string[]): Promise<StoredKey[]> {
  const rows = await run<[string, string, string, string | null]>(database, selectKeys, [subjects])
  return rows.map(([subject, id, key, masterKeyId]) => ({
    ...{ subject, id, wrapped: Buffer.from(key, 'base64'), masterKeyId: masterKeyId ?? undefined },
  }))
}

/** Stores a key unless the subject has one or was forgotten. */
export async function createSubjectKey(
  database: Database,
  { subject, id, wrapped, masterKeyId }: StoredKey,
): Promise<void> {
  await run(database, createKey, [subject, id, wrapped, masterKeyId ?? null])
}

export async function deleteSubjectKey(database: Database, subject: string): Promise<void> {
  await run(database, deleteKey, [subject])
}
