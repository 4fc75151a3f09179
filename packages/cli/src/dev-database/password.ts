import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The password of the cluster's superuser, made with the cluster: other users of the machine can reach the port. */
export function passwordOf(devFolder: string, data: string): string {
  const file = join(devFolder, 'password')
  if (existsSync(file) && existsSync(join(data, 'PG_VERSION'))) return readFileSync(file, 'utf8').trim()
  const password = randomBytes(18).toString('base64url')
  rmSync(file, { force: true })
  writeFileSync(file, `${password}\n`, { mode: 0o600 })
  return password
}
