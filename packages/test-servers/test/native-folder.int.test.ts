import { chmod, cp, lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageFolder, usableNativeFolder } from '../src/postgres/native-folder.js'
import { runToEnd } from '../src/process/run-to-end.js'
import { unprivilegedUser } from '../src/process/unprivileged-user.js'

const user = unprivilegedUser()
const temporary = process.env['TMPDIR']
let folder: string
let installed: string

/** A package as npm leaves it when it may not run install scripts: without the links. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-native-'))
  await chmod(folder, 0o755)
  installed = join(folder, 'installed')
  const withoutLinks = async (path: string) => !(await lstat(path)).isSymbolicLink()
  await cp(packageFolder(), installed, { recursive: true, filter: withoutLinks })
  process.env['TMPDIR'] = folder
})

afterEach(async () => {
  if (temporary === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = temporary
  await rm(folder, { recursive: true, force: true })
})

const version = async (native: string) =>
  (await runToEnd(join(native, 'bin/postgres'), ['--version'], { ...user, cwd: '/' })).stdout

test('links the libraries in place, by several at once', async () => {
  const found = await Promise.all(Array.from({ length: 4 }, () => usableNativeFolder(installed, user)))
  expect(new Set(found)).toEqual(new Set([join(installed, 'native')]))
  expect(await version(join(installed, 'native'))).toContain('18.4')
})

test('copies what its user may not enter, once, by several at once', async () => {
  await chmod(installed, 0o700)
  const found = await Promise.all(Array.from({ length: 2 }, () => usableNativeFolder(installed, user)))
  const [native = ''] = new Set(found)
  // Only root has to hand the server to another user; everybody else can use their own folder.
  expect(native.startsWith(installed)).toBe(user === undefined)
  expect(new Set(found).size).toBe(1)
  expect(await version(native)).toContain('18.4')
  expect(await usableNativeFolder(installed, user)).toBe(native)
  const left = (await readdir(folder)).filter((name) => name !== 'installed')
  expect(left).toHaveLength(user === undefined ? 0 : 1)
})
