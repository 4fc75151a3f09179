import { freePort } from '@tidemark/test-servers'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { killAll, processTree, untilGone } from './process-tree.js'
import { counterProject, runCli, startCli, type RunningCli, type RunOptions } from './run-cli.js'

// Within the checkout, since a project finds its packages in the folders above it.
const parent = fileURLToPath(new URL('../.tidemark', import.meta.url))
const isRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }
const folders: string[] = []
const running: RunningCli[] = []

function newProject(owner?: typeof nobody): string {
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'dev-'))
  folders.push(folder)
  chmodSync(folder, 0o755)
  if (owner) chownSync(folder, owner.uid, owner.gid)
  copyFileSync(join(counterProject, 'tidemark.config.ts'), join(folder, 'tidemark.config.ts'))
  return folder
}

interface Dev {
  readonly cli: RunningCli
  readonly url: string
  /** The command and everything that it started. */
  readonly pids: readonly number[]
}

async function startDev(
  cwd: string,
  { env = {}, ...options }: RunOptions = {},
  args: readonly string[] = [],
): Promise<Dev> {
  const port = await freePort()
  const cli = startCli(['dev', ...args], { cwd, ...options, env: { PORT: String(port), HOME: cwd, ...env } })
  running.push(cli)
  await cli.until(/Tidemark is running[^]*Kafka/)
  return { cli, url: `http://127.0.0.1:${port}`, pids: processTree(cli.child.pid!) }
}

async function stop({ cli, pids }: Dev): Promise<void> {
  cli.child.kill('SIGINT')
  const { code, stderr } = await cli.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('stopping') })
  expect(await untilGone(pids, 2000)).toEqual([])
}

/** The sum of all counters, once the read model has the wanted number of rows. */
async function readTotals(url: string, rows: number): Promise<number> {
  const read = async () => {
    const response = await fetch(`${url}/v1/counter-totals?limit=200`)
    return response.ok ? ((await response.json()) as { data: { total: number }[] }).data : []
  }
  await expect.poll(async () => (await read()).length, { timeout: 10_000 }).toBe(rows)
  return (await read()).reduce((sum, { total }) => sum + total, 0)
}

const add = (url: string, id: string) =>
  fetch(`${url}/v1/counter/${id}/add`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"amount":1000}',
  })

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    if (child.exitCode === null && child.pid !== undefined) killAll(processTree(child.pid))
    await ended
  }
})
afterAll(() => {
  for (const folder of folders) {
    const data = join(folder, '.tidemark/postgres')
    if (existsSync(data) && lstatSync(data).isSymbolicLink()) rmSync(dirname(realpathSync(data)), { recursive: true })
    rmSync(folder, { recursive: true, force: true })
  }
})

describe('tidemark dev', () => {
  it('seeds once, is found by other commands, leaves nothing behind, and finds its data again', async () => {
    const folder = newProject()
    const first = await startDev(folder)
    expect(first.cli.written.stderr).toContain('added demo data')
    expect(await readTotals(first.url, 20)).toBe(210)
    expect((await add(first.url, 'mine')).status).toBe(201)

    const status = await runCli(['db', 'status', '-o', 'json'], { cwd: folder })
    expect(JSON.parse(status.stdout).data).toMatchObject({ state: 'current', head: '21' })
    const second = await runCli(['dev'], { cwd: folder })
    expect({ code: second.code, stdout: second.stdout }).toEqual({ code: 4, stdout: '' })
    expect(second.stderr).toMatch(/^error: `tidemark dev` runs here already, as process \d+: stop that one first\n$/)
    // Others may not read the password.
    expect(lstatSync(join(folder, '.tidemark/dev.json')).mode & 0o077).toBe(0)
    expect(lstatSync(join(folder, '.tidemark/password')).mode & 0o077).toBe(0)
    await stop(first)
    expect(existsSync(join(folder, '.tidemark/dev.json'))).toBe(false)

    const again = await startDev(folder)
    expect(again.cli.written.stderr).not.toMatch(/demo data|migrated/)
    expect(await readTotals(again.url, 21)).toBe(1210)
    await stop(again)
  })

  it('loses nothing when every process is killed', async () => {
    const folder = newProject()
    const first = await startDev(folder)
    await add(first.url, 'mine')
    killAll(first.pids)
    await first.cli.ended
    const again = await startDev(folder)
    expect(await readTotals(again.url, 21)).toBe(1210)
    await stop(again)
  })

  it('takes Postgres along when it is killed alone', async () => {
    const folder = newProject()
    const first = await startDev(folder, {}, ['--no-seed'])
    first.cli.child.kill('SIGKILL')
    expect(await untilGone(first.pids)).toEqual([])
  })

  it('stops a Postgres that outlived it', async () => {
    const folder = newProject()
    const first = await startDev(folder)
    // The guardian first, and before the rest can notice.
    const guardians = first.pids.filter(
      (pid) => pid !== first.cli.child.pid && commandLine(pid).includes('process.stdin'),
    )
    expect(guardians).toHaveLength(1)
    killAll([...guardians, first.cli.child.pid!])
    await first.cli.ended
    const postmaster = Number(readFileSync(join(folder, '.tidemark/postgres/postmaster.pid'), 'utf8').split('\n')[0])
    expect(await untilGone([postmaster], 500)).toEqual([postmaster])

    const again = await startDev(folder)
    expect(again.cli.written.stderr).toContain('stopped the Postgres that an earlier run had left')
    expect(await readTotals(again.url, 20)).toBe(210)
    await stop(again)
    expect(await untilGone([postmaster], 0)).toEqual([])
  })

  it('is not stopped by locks whose numbers other processes have got', async () => {
    const folder = newProject()
    await stop(await startDev(folder, {}, ['--no-seed']))
    const stranger = String(process.pid)
    writeFileSync(join(folder, '.tidemark/postgres/postmaster.pid'), `${stranger}\n/elsewhere\n`)
    writeFileSync(join(folder, '.tidemark/dev.json'), JSON.stringify({ pid: process.pid, databaseUrl: 'postgres://x' }))
    await stop(await startDev(folder, {}, ['--no-seed']))
  })

  it('goes on with demo data that was interrupted', async () => {
    const folder = newProject()
    const killed = await startCli(['dev'], { cwd: folder, env: { PORT: '0', TEST_SEED_DIES_AT: '8' } }).ended
    expect(killed.code).toBeNull()
    const again = await startDev(folder)
    expect(await readTotals(again.url, 20)).toBe(210)
    await stop(again)
  })

  it('deletes data only when it is told so twice', async () => {
    const folder = newProject()
    await stop(await startDev(folder))
    const asked = await runCli(['dev', '--reset'], { cwd: folder })
    expect(asked.code).toBe(5)
    expect(asked.stderr).toMatch(/^error: delete all data in .* There is no terminal to ask on: say --yes\n$/)
    const reset = await startDev(folder, {}, ['--reset', '--yes', '--no-seed'])
    await readTotals(reset.url, 0)
    const { stdout } = await runCli(['streams', 'list', '-o', 'json'], { cwd: folder })
    expect(JSON.parse(stdout).data).toEqual([])
    await stop(reset)
  })

  it('ends when its Postgres has ended, and says where to look', async () => {
    const folder = newProject()
    const { cli, pids } = await startDev(folder, {}, ['--no-seed'])
    const postmaster = Number(readFileSync(join(folder, '.tidemark/postgres/postmaster.pid'), 'utf8').split('\n')[0])
    process.kill(postmaster, 'SIGKILL')
    const { code, stderr } = await cli.ended
    expect(code).toBe(1)
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^error: Postgres has ended: see .*postgres\.log, and start again$/,
    )
    expect(await untilGone(pids)).toEqual([])
  })

  it('says that a port is used, and leaves nothing behind', async () => {
    const folder = newProject()
    const first = await startDev(folder, {}, ['--no-seed'])
    const other = newProject()
    const cli = startCli(['dev', '--port', new URL(first.url).port], { cwd: other })
    const { code, stderr } = await cli.ended
    expect(stderr).toMatch(/\nerror: port \d+ at 127\.0\.0\.1 is in use by another program.*\n$/)
    expect(code).toBe(2)
    expect(existsSync(join(other, '.tidemark/postgres/postmaster.pid'))).toBe(false)
    await stop(first)
  })
})

describe('tidemark dev, run by', () => {
  const maySee = isRoot && mayEnter(parent)
  it.skipIf(!maySee)('an ordinary user', async () => {
    const folder = newProject(nobody)
    const dev = await startDev(folder, nobody)
    expect(await readTotals(dev.url, 20)).toBe(210)
    expect(lstatSync(join(folder, '.tidemark/postgres')).uid).toBe(nobody.uid)
    await stop(dev)

    // Root takes the data of an ordinary user as that user.
    const asRoot = await startDev(folder)
    expect(await readTotals(asRoot.url, 20)).toBe(210)
    await stop(asRoot)
    await stop(await startDev(folder, nobody))
  })

  it.skipIf(!isRoot)('root in a folder that nobody else may enter', async () => {
    const folder = newProject()
    chmodSync(folder, 0o700)
    const dev = await startDev(folder)
    expect(dev.cli.written.stderr).toContain('is closed to the user that runs Postgres: the data is in')
    expect(await readTotals(dev.url, 20)).toBe(210)
    await stop(dev)
    const again = await startDev(folder)
    expect(await readTotals(again.url, 20)).toBe(210)
    await stop(again)
    expect(lstatSync(folder).mode & 0o777).toBe(0o700)
  })
})

function commandLine(pid: number): string {
  return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
}

/** Whether an ordinary user gets as far as this checkout. */
function mayEnter(folder: string): boolean {
  mkdirSync(folder, { recursive: true })
  try {
    execFileSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...nobody, cwd: '/', stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
