import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, freePort } from '@tidemark/test-servers'
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { runCli, startCli } from './run-cli.js'

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url))
const parent = mkdtempSync(join(tmpdir(), 'tidemark-init-'))
afterAll(() => rmSync(parent, { recursive: true }))

it('writes a project whose types, tests and API work', async () => {
  const { code, stdout, stderr } = await runCli(['init', 'My Shop'], {
    cwd: parent,
    env: { npm_config_user_agent: 'pnpm/10.0.0 npm/? node/v20' },
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('pnpm install && pnpm dev') })
  expect(stdout).toContain('tidemark.config.ts\n')
  const folder = join(parent, 'My Shop')
  expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name).toBe('my-shop')
  // As an installation would, without a network.
  symlinkSync(modules, join(folder, 'node_modules'), 'junction')

  const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: folder })
  const [compiled, tested] = await Promise.all([
    node(join(modules, 'typescript/bin/tsc')),
    node(join(modules, 'vitest/vitest.mjs'), 'run', '--no-color'),
  ])
  expect(compiled.stdout).toBe('')
  expect(tested.stdout).toMatch(/Tests +2 passed/)

  const database = await createTestDatabase({ template: databaseTemplate })
  const port = await freePort()
  const dev = startCli(['dev'], { cwd: folder, env: { DATABASE_URL: database.directUrl, PORT: String(port) } })
  try {
    await dev.until(/Tidemark is running/)
    const url = `http://127.0.0.1:${port}/v1`
    const finished = await fetch(`${url}/task/t-1/finish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    const token = finished.headers.get('consistency-token') ?? ''
    const rows = await fetch(`${url}/task-list?status=done&sort=-addedAt`, {
      headers: { 'consistency-token': token, prefer: 'wait=5' },
    })
    expect(await rows.json()).toMatchObject({ data: [{ taskId: 't-1', title: 'read the README', status: 'done' }] })
  } finally {
    dev.child.kill('SIGINT')
    await dev.ended
    await database.drop()
  }
})

it('refuses a folder that has something in it', async () => {
  const folder = join(parent, 'full')
  mkdirSync(folder)
  writeFileSync(join(folder, 'notes.txt'), '')
  const { code, stdout, stderr } = await runCli(['init'], { cwd: folder })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('is not empty, it has notes.txt')
})

it.skipIf(process.platform === 'win32')('leaves nothing where it could not write all', async () => {
  const program = fileURLToPath(new URL('../bin/tidemark.js', import.meta.url))
  mkdirSync(join(parent, 'small/.git'), { recursive: true })
  const initWithoutRoom = (folder: string) =>
    // Files may have 512 or 1,024 bytes, which is not enough for some of them.
    promisify(execFile)('sh', ['-c', `ulimit -f 1; exec "$0" "${program}" init ${folder}`, process.execPath], {
      cwd: parent,
    })
  for (const folder of ['small', 'new/small'])
    await expect(initWithoutRoom(folder)).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: the project cannot be written, and nothing is left of it in .*small: EFBIG.*\n$/,
      ),
    })
  expect(readdirSync(join(parent, 'small'))).toEqual(['.git'])
  expect(existsSync(join(parent, 'new'))).toBe(false)
})
