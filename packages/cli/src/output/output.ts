import type CliTable from 'cli-table3'
import { createRequire } from 'node:module'
import type { Writable } from 'node:stream'
import picocolors from 'picocolors'
import type { ExplainedError } from '../explain-error.js'
import { jsonText } from './json-text.js'
import { createProgress, type Progress } from './progress.js'

export type OutputFormat = 'table' | 'json' | 'ndjson'

/** A stream of the process, as far as the command looks at it. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

export interface OutputOptions {
  readonly format: OutputFormat
  /** Only data and errors. */
  readonly quiet: boolean
  readonly colours: boolean
}

/** A column of a table: its heading, and what it shows of an item. */
export type Column<T> = readonly [heading: string, show: (item: T) => unknown]

/**
 * Where a command writes: data to stdout, everything else to stderr.
 *
 * As JSON the data has an envelope, `{status, data, error}`; as NDJSON each item has a line.
 */
export class Output {
  readonly paint: ReturnType<typeof picocolors.createColors>

  constructor(
    private readonly stdout: OutputStream,
    private readonly stderr: OutputStream,
    readonly options: OutputOptions,
  ) {
    this.paint = picocolors.createColors(options.colours)
  }

  /** Writes a list; in a table it has the given columns, in JSON all that the items have. */
  list<T>(items: readonly T[], columns: readonly Column<T>[], ifEmpty: string): void {
    if (this.options.format === 'ndjson') return items.forEach((item) => this.line(jsonText(item)))
    if (this.options.format === 'json') return this.envelope(items)
    if (items.length === 0) return this.note(ifEmpty)
    // Only those who print a table wait for it.
    const Table = createRequire(import.meta.url)('cli-table3') as typeof CliTable
    const head = columns.map(([heading]) => this.paint.dim(heading))
    const table = new Table({ head, chars: withoutBorders, style: { head: [], 'padding-left': 0, 'padding-right': 2 } })
    for (const item of items) table.push(columns.map(([, show]) => shown(show(item))))
    this.line(withoutTrailingSpace(table.toString()))
  }

  /** Writes one thing: in a table one line per property. */
  one(thing: Readonly<Record<string, unknown>>): void {
    if (this.options.format === 'ndjson') return this.line(jsonText(thing))
    if (this.options.format === 'json') return this.envelope(thing)
    const entries = Object.entries(thing)
    const width = Math.max(...entries.map(([name]) => name.length))
    for (const [name, value] of entries) this.line(`${this.paint.dim(name.padEnd(width))}  ${shown(value)}`.trimEnd())
  }

  /** Writes a text that is the result itself, in a table only. */
  text(text: string): void {
    if (this.options.format === 'table') this.line(text)
  }

  /** Writes a document that is the result, in a form of its own. */
  raw(text: string): void {
    this.stdout.write(text)
  }

  /** Writes one item of a list that has no end: JSON a line, or the text. */
  item(item: unknown, text: string): void {
    this.line(this.options.format === 'table' ? text : jsonText(item))
  }

  /** Says something to the person in front of it. */
  note(text: string): void {
    if (!this.options.quiet) this.stderr.write(`${text}\n`)
  }

  /** Says why the command failed; the last thing that it writes. */
  error(error: ExplainedError): void {
    if (this.options.format === 'json') {
      const { code, message } = error
      this.line(jsonText({ status: 'error', data: null, error: { code, message } }, 2))
    }
    this.stderr.write(`${this.paint.red('error:')} ${error.message}\n`)
    if (error.stack !== undefined) this.stderr.write(`${this.paint.dim(error.stack)}\n`)
  }

  /** Shows how long work is getting on: a bar on a terminal, a line every few seconds elsewhere. */
  progress(what: string): Progress {
    return createProgress(this.stderr, what, { quiet: this.options.quiet, bar: this.stderr.isTTY === true })
  }

  private envelope(data: unknown): void {
    this.line(jsonText({ status: 'ok', data, error: null }, 2))
  }

  private line(text: string): void {
    this.stdout.write(`${text}\n`)
  }
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? jsonText(value) : `${value as number | bigint | boolean}`
}

const withoutTrailingSpace = (text: string) => text.replaceAll(/[ \t]+$/gm, '')

const withoutBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle'].flatMap((side) =>
    side === 'middle'
      ? [[side, '']]
      : [
          [side, ''],
          [`${side}-mid`, ''],
          [`${side}-left`, ''],
          [`${side}-right`, ''],
        ],
  ),
)
