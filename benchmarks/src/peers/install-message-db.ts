import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { folderOfPeerPackage } from './peer-packages.js'

/** In the order of message-db's own `install.sh`, which needs psql. Its roles and views are left out. */
const files = [
  'schema/message-store',
  'extensions/pgcrypto',
  'tables/messages',
  'types/message',
  ...[
    ...['message-store-version', 'hash-64', 'acquire-lock', 'category', 'is-category', 'id', 'cardinal-id'],
    ...['stream-version', 'write-message', 'get-stream-messages', 'get-category-messages', 'get-last-stream-message'],
  ].map((name) => `functions/${name}`),
  ...['messages-id', 'messages-stream', 'messages-category'].map((name) => `indexes/${name}`),
]

/** message-db's functions call each other by their bare names. */
export const messageDbSettings = '-c search_path=message_store,public'

/** Installs message-db into an empty database. */
export async function installMessageDb(url: string): Promise<void> {
  const folder = folderOfPeerPackage('@eventide/message-db')
  const client = new pg.Client({ connectionString: url, options: messageDbSettings })
  await client.connect()
  try {
    for (const file of files) await client.query(await readFile(join(folder, 'database', `${file}.sql`), 'utf8'))
  } finally {
    await client.end()
  }
}
