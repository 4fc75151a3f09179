import { Writable } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { outputOptions } from '../src/output/output-options.js'
import { Output, type OutputFormat } from '../src/output/output.js'
import { createProgress } from '../src/output/progress.js'

class Sink extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void) {
    this.text += chunk.toString()
    done()
  }
}

function outputTo(format: OutputFormat, quiet = false) {
  const [stdout, stderr] = [new Sink(), new Sink()]
  return { output: new Output(stdout, stderr, { format, quiet, colours: false }), stdout, stderr }
}

const things = [
  { name: 'a', position: 9_007_199_254_740_993n, at: new Date(0) },
  { name: 'long name', position: 2n, at: new Date(1) },
]

describe('output', () => {
  it('writes tables without borders or space at the ends of lines', () => {
    const { output, stdout } = outputTo('table')
    output.list(
      things,
      [
        ['name', ({ name }) => name],
        ['position', ({ position }) => position],
        ['', () => undefined],
      ],
      '',
    )
    expect(stdout.text).toBe('name       position\na          9007199254740993\nlong name  2\n')
  })

  it('writes positions beyond 2^53 as text in JSON', () => {
    const { output, stdout } = outputTo('json')
    output.list(things, [], '')
    expect(JSON.parse(stdout.text)).toEqual({
      status: 'ok',
      data: [
        { name: 'a', position: '9007199254740993', at: '1970-01-01T00:00:00.000Z' },
        { name: 'long name', position: '2', at: '1970-01-01T00:00:00.001Z' },
      ],
      error: null,
    })
  })

  it('writes a line per item as NDJSON', () => {
    const { output, stdout } = outputTo('ndjson')
    output.list(things, [], '')
    expect(stdout.text.split('\n')).toHaveLength(3)
  })

  it('says on stderr that a list is empty, and writes an empty list as data', () => {
    const table = outputTo('table')
    table.output.list([], [['name', () => '']], 'there is nothing')
    expect([table.stdout.text, table.stderr.text]).toEqual(['', 'there is nothing\n'])
    const json = outputTo('json')
    json.output.list([], [], 'there is nothing')
    expect(JSON.parse(json.stdout.text)).toEqual({ status: 'ok', data: [], error: null })
    expect(json.stderr.text).toBe('')
  })

  it('writes errors in the envelope, and always for people too', () => {
    const error = { code: 'CLI_USAGE', message: 'no', exitCode: 2, stack: undefined } as const
    const json = outputTo('json', true)
    json.output.error(error)
    expect(JSON.parse(json.stdout.text)).toEqual({
      status: 'error',
      data: null,
      error: { code: 'CLI_USAGE', message: 'no' },
    })
    expect(json.stderr.text).toBe('error: no\n')
  })

  it('keeps notes to itself when it is to be quiet', () => {
    const { output, stderr } = outputTo('table', true)
    output.note('by the way')
    expect(stderr.text).toBe('')
  })
})

describe('the options of output', () => {
  it.each([
    [['-o', 'json'], 'json'],
    [['-ojson'], 'json'],
    [['--output=ndjson'], 'ndjson'],
    [['--output', 'ndjson', 'x'], 'ndjson'],
    [['-o', 'yaml'], 'table'],
    [[], 'table'],
  ] as const)('reads %j', (args, format) => {
    expect(outputOptions(args, {}, true)).toMatchObject({ format, colours: true })
  })

  it('has colours on a terminal only, and not when NO_COLOR says so', () => {
    expect(outputOptions([], {}, false).colours).toBe(false)
    expect(outputOptions([], { NO_COLOR: '1' }, true).colours).toBe(false)
    expect(outputOptions([], { NO_COLOR: '' }, true).colours).toBe(true)
    expect(outputOptions([], { FORCE_COLOR: '1' }, false).colours).toBe(true)
    expect(outputOptions([], { FORCE_COLOR: '0' }, true).colours).toBe(false)
    expect(outputOptions([], { FORCE_COLOR: '1', NO_COLOR: '1' }, true).colours).toBe(false)
  })
})

describe('progress', () => {
  const half = { done: 500n, total: 1000n, perSecond: 10 }

  it('is a bar on a terminal, and leaves nothing behind', () => {
    const stream = new Sink()
    const progress = createProgress(stream, 'rebuilding', { quiet: false, bar: true })
    progress.update(half)
    expect(stream.text).toBe(`\r\u001b[Krebuilding [############            ] 50% 500/1000, 10/s, 50 s left`)
    progress.end()
    expect(stream.text.endsWith('\r\u001b[K')).toBe(true)
  })

  it('is a plain line every five seconds elsewhere', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const stream = new Sink()
      const progress = createProgress(stream, 'rebuilding', { quiet: false, bar: false })
      for (let second = 1; second <= 11; second++) {
        vi.advanceTimersByTime(1000)
        progress.update(half)
      }
      progress.end()
      expect(stream.text).toBe('rebuilding: 500/1000, 10/s, 50 s left\n'.repeat(2))
    } finally {
      vi.useRealTimers()
    }
  })

  it('says nothing when it is to be quiet', () => {
    const stream = new Sink()
    const progress = createProgress(stream, 'rebuilding', { quiet: true, bar: true })
    progress.update(half)
    progress.end()
    expect(stream.text).toBe('')
  })
})
