import { chmodSync, mkdirSync } from 'node:fs'

const folder = '/var/lib/tidemark'

/** Where root keeps what an unprivileged Postgres must reach: everybody may enter, only root may write. */
export function sharedFolder(): string {
  mkdirSync(folder, { recursive: true })
  // Whatever the umask says.
  chmodSync(folder, 0o755)
  return folder
}
