import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort } from '@tidemark/test-servers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startCli } from './run-cli.js'

// Speaks as the admin API does, with answers that a real server would take long to come to.
const asked: { path: string; authorization: string | undefined; body: string }[] = []
let looks = 0
let server: Server
let url = ''

function answerTo(path: string): readonly [status: number, body: unknown] {
  const operation = {
    id: 'op-1',
    kind: 'projections.rebuild',
    target: 'totals',
    requestedBy: 'ada',
    reason: 'new column',
    createdAt: '2026-01-01T00:00:00Z',
  }
  if (path.startsWith('/base/admin/v1/operations?'))
    return [200, { data: [{ ...operation, status: 'running', progress: { done: '5', total: '9' } }] }]
  if (path === '/base/admin/v1/operations/op-1/cancel')
    return [409, { title: 'ended', detail: 'operation op-1 has ended already' }]
  if (path === '/base/admin/v1/operations/op-1')
    return [200, { ...operation, status: ++looks < 2 ? 'running' : 'done', progress: { done: '9', total: '9' } }]
  if (path === '/base/admin/v1/operations/op-2')
    return [200, { ...operation, id: 'op-2', status: 'failed', error: { code: 'X', message: 'no luck' } }]
  if (path === '/base/admin/v1/operations/op-3') return [200, { ...operation, id: 'op-3', status: 'running' }]
  return [404, 'nothing here']
}

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization, body })
      const [status, answer] = answerTo(request.url ?? '')
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`
})
afterAll(() => server.close())

const run = (...args: string[]) =>
  runCli(['operations', ...args], { env: { TIDEMARK_SERVER: url, TIDEMARK_TOKEN: 'hidden' } })

describe('operations of a server', () => {
  it('are listed, waited for and cancelled', async () => {
    const [list, wait, failed, cancel] = await Promise.all([
      run('list', '--status', 'running', '-o', 'json'),
      run('wait', 'op-1', '-o', 'json'),
      run('wait', 'op-2'),
      run('cancel', 'op-1', '--reason', 'wrong one'),
    ])
    expect(JSON.parse(list.stdout).data).toMatchObject([{ id: 'op-1', progress: { done: '5', total: '9' } }])
    expect(wait.code).toBe(0)
    expect(JSON.parse(wait.stdout).data).toMatchObject({ id: 'op-1', status: 'done' })
    expect({ code: failed.code, stderr: failed.stderr }).toEqual({
      code: 1,
      stderr: 'error: operation op-2 is failed: no luck\n',
    })
    expect({ code: cancel.code, stderr: cancel.stderr }).toEqual({
      code: 4,
      stderr: 'error: operation op-1 has ended already\n',
    })
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer hidden']))
    expect(asked.find(({ body }) => body !== '')?.body).toBe('{"reason":"wrong one","dryRun":false}')
    expect(asked.map(({ path }) => path)).toContain('/base/admin/v1/operations?status=running&limit=50')
  })

  it('go on when nobody waits any more', async () => {
    const waiting = startCli(['operations', 'wait', 'op-3', '--server', url])
    while (!asked.some(({ path }) => path.endsWith('op-3'))) await new Promise((resolve) => setTimeout(resolve, 20))
    waiting.child.kill('SIGINT')
    const { code, stderr } = await waiting.ended
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr:
        'error: interrupted: the operation goes on in the server, and `tidemark operations wait op-3` follows it\n',
    })
  })

  it('need a server that answers', async () => {
    const gone = `http://127.0.0.1:${await freePort()}`
    const refusals = await Promise.all([
      runCli(['operations', 'list']),
      runCli(['operations', 'list', '--server', gone]),
      runCli(['operations', 'list', '--server', 'http://me:hidden@localhost']),
      runCli(['operations', 'list', '--server', new URL('/', url).href]),
    ])
    expect(refusals.map(({ code, stdout }) => ({ code, stdout }))).toEqual(
      refusals.map(() => ({ code: 2, stdout: '' })),
    )
    expect(refusals.map(({ stderr }) => stderr.trimEnd().split('\n').length)).toEqual([1, 1, 1, 1])
    expect(refusals[1]?.stderr).toContain(`no server answers at ${gone}`)
    expect(refusals[2]?.stderr).not.toContain('hidden')
  })
})
