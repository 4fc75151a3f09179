import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { Context } from '../src/context.js'
import { ServerError, SurroundingError } from '../src/errors.js'
import type { AdminClient } from '../src/server/admin-client.js'
import { truncateThrough } from '../src/server/truncate-through.js'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-archive-'))
const archive = join(folder, 'archive.ndjson')
beforeEach(() => rmSync(archive, { force: true }))
afterAll(() => rmSync(folder, { recursive: true }))

const eventAt = (version: number, more: object = {}) => ({
  ...{ position: String(version), id: `id-${version}`, streamId: 'tally-1', version: String(version), type: 'Counted' },
  ...{ schemaVersion: 1, recordedAt: new Date(version).toISOString(), payloads: 'full', data: { n: version }, ...more },
})

/** A server whose stream ends at a version, with some of its events; it notes when it is asked to truncate. */
function serverOf(version: number, events: readonly object[], truncate: () => Promise<unknown>) {
  const asked: object[] = []
  const server = {
    get: async () => ({ version: String(version), data: events, page: { next: null } }),
    post: async (_path: string, body: object) => {
      asked.push(body)
      return truncate()
    },
  }
  const truncated = (before: number) =>
    truncateThrough(
      server as unknown as AdminClient,
      'tally-1',
      { before: BigInt(before), archive, reason: 'old' },
      {} as Context,
    )
  return { asked, truncated }
}

const done = async () => ({ status: 'done', result: { streamId: 'tally-1', deletedEvents: '2' } })

describe('a truncation through a server', () => {
  it('is asked for once the events are in the file', async () => {
    let written = ''
    const { truncated } = serverOf(4, [eventAt(1), eventAt(2)], async () => {
      written = readFileSync(archive, 'utf8')
      return done()
    })
    expect(await truncated(3)).toEqual({ result: { streamId: 'tally-1', deletedEvents: '2' } })
    expect(
      written
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).data),
    ).toEqual([{ n: 1 }, { n: 2 }])
  })

  it.each([
    // Whatever is appended until the server truncates would be deleted, and is not in the file.
    ['ends before the version', serverOf(2, [eventAt(1), eventAt(2)], done), 4, 'its last event always stays'],
    ['has a hole', serverOf(9, [eventAt(1), eventAt(3)], done), 4, 'no event of "tally-1" after version 1'],
    ['comes to its end too early', serverOf(9, [eventAt(1)], done), 4, 'no event of "tally-1" after version 1'],
    ['is masked', serverOf(9, [eventAt(1, { payloads: 'masked' })], done), 2, 'version 1 without its personal data'],
    ['has personal data', serverOf(9, [eventAt(1, { personal: ['name'] })], done), 2, 'without its personal data'],
  ])('is not asked for where the stream %s', async (_what, { asked, truncated }, before, why) => {
    await expect(truncated(before)).rejects.toThrow(why)
    expect(asked).toEqual([])
    expect(existsSync(archive)).toBe(false)
  })

  it('leaves no file where the server refused, and keeps it where nobody knows', async () => {
    const refused = () => Promise.reject(new ServerError('EVENTSTORE_TRUNCATION_REFUSED', 'no'))
    await expect(serverOf(4, [eventAt(1), eventAt(2)], refused).truncated(3)).rejects.toThrow('no')
    expect(existsSync(archive)).toBe(false)
    const lost = () => Promise.reject(new SurroundingError('no server answers'))
    await expect(serverOf(4, [eventAt(1), eventAt(2)], lost).truncated(3)).rejects.toThrow('no server answers')
    expect(existsSync(archive)).toBe(true)
  })
})
