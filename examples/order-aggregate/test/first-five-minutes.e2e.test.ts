import { freePort } from '@tidemark/test-servers'
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { killAll, processTree, untilGone } from './process-tree.js'

// What somebody does who has just heard of Tidemark: a folder and a home with nothing in them, a clone, two commands.
const repository = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tidemark-first-'))
const home = join(folder, 'home')
const checkout = join(home, 'tidemark')
const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' })

function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH, LANG, npm_config_registry, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS } = process.env
  const fromNpm = (name: string) =>
    execFileSync('npm', ['config', 'get', name], { encoding: 'utf8', stdio: 'pipe' }).trim()
  return {
    ...{ PATH, LANG, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS },
    HOME: home,
    // Where packages come from belongs to the machine, not to the home: as does the cache, which saves a minute.
    npm_config_registry: npm_config_registry ?? fromNpm('registry'),
    npm_config_cache: fromNpm('cache'),
    ...extra,
  }
}

/** The commit that is checked out, and what was changed since. */
function clone(): void {
  git('clone', '--quiet', '--no-hardlinks', repository, checkout)
  const list = (...args: string[]) =>
    git(...args)
      .split('\0')
      .filter((path) => path !== '')
  const changed = list('diff', '--name-only', '-z', '--diff-filter=d', 'HEAD')
  const added = list('ls-files', '-z', '--others', '--exclude-standard')
  for (const path of [...changed, ...added]) cpSync(join(repository, path), join(checkout, path), { recursive: true })
  for (const path of list('diff', '--name-only', '-z', '--diff-filter=D', 'HEAD')) rmSync(join(checkout, path))
}

interface Shop {
  readonly npm: ChildProcess
  readonly ended: Promise<number | null>
  readonly pids: readonly number[]
}

let port: number
let api: string
const shops: Shop[] = []

/** `npm start` in a process group of its own, as a terminal starts it. */
async function start(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Shop & { readonly stdout: string }> {
  const npm = spawn('npm', ['start', '--', ...args], {
    cwd: checkout,
    env: environment({ PORT: String(port), ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const ended = once(npm, 'close').then(([code]) => code as number | null)
  const written = { stdout: '', stderr: '' }
  npm.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text))
  npm.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text))
  const deadline = performance.now() + 300_000
  while (!written.stdout.includes('projections rebuild order-summary')) {
    if (npm.exitCode !== null || performance.now() > deadline) {
      throw new Error(`npm start did not come up:\n${written.stdout}\n${written.stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const shop = { npm, ended, pids: processTree(npm.pid!) }
  shops.push(shop)
  return { ...shop, stdout: written.stdout }
}

/** Ctrl-C: the terminal sends it to the whole group; npm itself then ends by the signal, whatever its program says. */
async function interrupt({ npm, ended, pids }: Shop): Promise<void> {
  process.kill(-npm.pid!, 'SIGINT')
  await ended
  expect(await untilGone(pids, 10_000)).toEqual([])
}

async function getJson(path: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${api}${path}`, { headers })
  expect(response.status, await response.clone().text()).toBe(200)
  return response.json() as Promise<{ data: unknown[]; page: { next: string | null } }>
}

/** The data that a command prints, run as the README says. */
async function tidemark(...args: readonly string[]): Promise<unknown> {
  const options = { cwd: checkout, env: environment() }
  const { stdout } = await promisify(execFile)('npx', ['tidemark', ...args, '-o', 'json'], options)
  return (JSON.parse(stdout) as { data: unknown }).data
}

/** All rows, page by page. */
async function readAllOrders(): Promise<unknown[]> {
  const rows: unknown[] = []
  for (let path: string | undefined = '/v1/order-summary?limit=150'; path !== undefined;) {
    const { data, page } = await getJson(path)
    rows.push(...data)
    path = page.next ? `/v1/order-summary?limit=150&after=${encodeURIComponent(page.next)}` : undefined
  }
  return rows
}

beforeAll(async () => {
  mkdirSync(home)
  clone()
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: checkout, env: environment(), stdio: 'pipe' })
  port = await freePort()
  api = `http://127.0.0.1:${port}`
}, 300_000)

afterAll(() => {
  for (const { pids } of shops) killAll(pids)
  const data = join(checkout, '.tidemark/postgres')
  // Root's own home is closed to the user that runs Postgres, so the data is elsewhere.
  if (existsSync(data) && lstatSync(data).isSymbolicLink()) rmSync(dirname(realpathSync(data)), { recursive: true })
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

describe('the first five minutes', () => {
  it('run on a machine with nothing but Node, and survive everything', { timeout: 600_000 }, async () => {
    const first = await start()
    expect(first.stdout).toContain(`${api}/docs`)
    expect((await fetch(`${api}/docs`)).status).toBe(200)
    expect((await fetch(`${api}/health/ready`)).status).toBe(200)

    const placed = await fetch(`${api}/v1/order/o-mine/place`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customerId: 'c-001', items: [{ sku: 'tea', quantity: 2, unitPrice: 890 }] }),
    })
    expect(placed.status).toBe(201)
    const token = placed.headers.get('consistency-token')!
    const mine = { orderId: 'o-mine', customerId: 'c-001', status: 'placed', total: 1780 }
    const row = await getJson('/v1/order-summary/o-mine', { 'consistency-token': token, prefer: 'wait=5' })
    expect(row).toMatchObject(mine)
    const orders = await readAllOrders()
    expect(orders).toHaveLength(201)

    killAll(first.pids)
    await first.ended
    expect(await untilGone(first.pids)).toEqual([])
    const second = await start()
    expect(await getJson('/v1/order-summary/o-mine', { 'consistency-token': token, prefer: 'wait=5' })).toEqual(row)
    expect(await readAllOrders()).toEqual(orders)

    const rebuilt = await tidemark('projections', 'rebuild', 'order-summary')
    expect(rebuilt).toMatchObject({ projection: 'order-summary', rows: 201 })
    expect(await readAllOrders()).toEqual(orders)
    // The new table is kept up to date, too.
    const paid = await fetch(`${api}/v1/order/o-mine/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"paymentId":"p-1"}',
    })
    const after = { 'consistency-token': paid.headers.get('consistency-token')!, prefer: 'wait=5' }
    expect(await getJson('/v1/order-summary/o-mine', after)).toMatchObject({ ...mine, status: 'paid' })

    await interrupt(second)
    // Starting again finds the data, and adds no demo data to it.
    const kafka = inject('kafkaBrokers')
    const third = await (kafka ? start(['--kafka'], { KAFKA_BROKERS: kafka }) : start())
    expect(await readAllOrders()).toHaveLength(201)
    expect(third.stdout).toContain(kafka ? `${kafka} (orders, order-notifications)` : 'set KAFKA_BROKERS')
    const bridge = { name: 'orders', ...(kafka ? { state: 'running', lag: '0' } : { state: 'stopped' }) }
    await expect.poll(() => tidemark('bridge', 'list'), { timeout: 30_000 }).toMatchObject([bridge])
    await interrupt(third)

    // npm alone is killed: everything else ends by itself, or the next start could not have the data.
    const fourth = await start()
    fourth.npm.kill('SIGKILL')
    expect(await untilGone(fourth.pids, 20_000)).toEqual([])
    const fifth = await start()
    expect(await readAllOrders()).toHaveLength(201)
    fifth.npm.kill('SIGTERM')
    expect(await untilGone(fifth.pids, 20_000)).toEqual([])
    expect(existsSync(join(checkout, '.tidemark/dev.json'))).toBe(false)
    // Nothing of this is for git to see.
    expect(execFileSync('git', ['status', '--porcelain', '--', '.tidemark'], { cwd: checkout, encoding: 'utf8' })).toBe(
      '',
    )
  })
})
