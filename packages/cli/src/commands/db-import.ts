import type { Command } from 'commander'
import { importEvents, type ImportReport } from '@tidemark/eventstore'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import type { Context } from '../context.js'
import { connectionProblem } from '../database/connection-problem.js'
import { withStore } from '../database/with-store.js'
import { CliError, UsageError } from '../errors.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly query?: string
  readonly queryFile?: string
  readonly from?: string
  readonly name: string
  readonly batchSize: number
  readonly dryRun?: boolean
  readonly tenant?: string
}

const variable = 'TIDEMARK_IMPORT_URL'

export const configureDbImport: ConfigureVerb = (verb, context) => {
  withTenantOption(verb)
    .option(
      '--query <sql>',
      'gives position, stream_id, type, data [, version, id, metadata, schema_version, recorded_at]',
    )
    .option('--query-file <file>', 'the same in a file')
    .option('--from <url>', `the database of the query, without a password; $${variable} may have one`)
    .option('--name <name>', 'tells imports into this store apart', 'events')
    .option('--batch-size <n>', 'events per transaction', wholeNumber, 1000)
    .option('--dry-run', 'read and check everything, write nothing; ends with 1 where something cannot be imported')
    .action(async (options: Options, command: Command) => {
      const query = await queryOf(options)
      const url = sourceOf(options, context)
      const report = await withStore(command, context, async (store) => {
        const source = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
        source.on('error', () => undefined)
        try {
          await source.connect().catch((cause: unknown) => {
            throw connectionProblem(cause, url, options.from === undefined ? variable : '--from')
          })
          // A setting of the session would stay with a pooler's connection.
          await source.query('begin transaction read only')
          return await runImport(options, context, (more) => {
            const { name, batchSize, dryRun = false } = options
            return importEvents(streamsOf(store, options.tenant), source, query, { name, batchSize, dryRun, ...more })
          })
        } finally {
          await source.end()
        }
      })
      context.output.one({ dryRun: options.dryRun === true, ...report })
      if (report.refused > 0n) throw new CliError(`${report.refused} events cannot be imported, nothing was written`)
    })
}

async function runImport(
  { name }: Options,
  { output }: Context,
  work: (options: {
    signal: AbortSignal
    onProgress: (done: { events: bigint; position: bigint }) => void
  }) => Promise<ImportReport>,
): Promise<ImportReport> {
  let lastAt = performance.now()
  const onProgress = ({ events, position }: { events: bigint; position: bigint }) => {
    if (performance.now() - lastAt < 5000) return
    lastAt = performance.now()
    output.note(`${events} events, up to position ${position} of the source`)
  }
  return interruptible(
    (signal) => work({ signal, onProgress }),
    `what was imported stays; the same command with --name ${name} goes on from here`,
  )
}

async function queryOf({ query, queryFile }: Options): Promise<string> {
  if ((query === undefined) === (queryFile === undefined)) throw new UsageError('say either --query or --query-file')
  if (query !== undefined) return query
  return readFile(queryFile ?? '', 'utf8').catch((cause: unknown) => {
    throw new UsageError(`the file ${queryFile} cannot be read`, { cause })
  })
}

/** A password in an argument could be read by everybody on the machine. */
function sourceOf({ from }: Options, { environment }: Context): string {
  const url = from ?? environment[variable]
  if (url === undefined || url === '') throw new UsageError(`name the database of the query: --from, or $${variable}`)
  if (!URL.canParse(url)) throw new UsageError('the database of the query is no URL: postgres://user@host:5432/name')
  if (from !== undefined && new URL(from).password !== '')
    throw new UsageError(`--from has a password, which others on this machine can read: set ${variable} instead`)
  return url
}
