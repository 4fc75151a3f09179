import type { Command } from 'commander'
import { compareSchemas, schemaChanges, type SchemaCheck, type SchemaDifference } from '@tidemark/eventstore'
import { withStore } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import { checksThrough } from '../server/schema-checks.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

type Checked = SchemaCheck | Told<SchemaCheck>

/** One place where the code and the registered schema differ. */
interface DiffLine {
  readonly event: string
  /** `1`, or `1 → 2` where the code has a newer version. */
  readonly version: string
  readonly path: string
  readonly registered: string | undefined
  readonly code: string | undefined
  /** Whose reading it breaks; empty for a change that does no harm. */
  readonly breaks: readonly SchemaDifference['direction'][]
}

export const configureSchemasDiff: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .argument('[event]', 'only this one, as aggregate.Type')
    .action(async (event: string | undefined, options: { readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const checks: readonly Checked[] = server
        ? await checksThrough(server, 'full')
        : await withStore(command, context, (store, { loaded }) =>
            compareSchemas(store, loaded.config.aggregates, 'full'),
          )
      const named = checks.map((check) => ({ name: `${check.category}.${check.type}`, check }))
      const wanted = event === undefined ? named : [findNamed(named, event, 'event')]
      context.output.list<DiffLine>(
        wanted.flatMap(({ name, check }) => linesOf(name, check)),
        [
          ['event', (line) => line.event],
          ['version', (line) => line.version],
          ['path', (line) => line.path],
          ['registered', (line) => line.registered],
          ['code', (line) => line.code],
          ['breaks', (line) => line.breaks.join(', ')],
        ],
        'the code and what was registered are the same',
      )
    })
}

function linesOf(event: string, { status, schemaVersion, schema, registered, differences }: Checked): DiffLine[] {
  const known = registered?.schemaVersion
  const version = known === undefined || known === schemaVersion ? `${schemaVersion}` : `${known} → ${schemaVersion}`
  const line = (path: string, before: string | undefined, after: string | undefined): DiffLine => ({
    ...{ event, version, path, registered: before, code: after },
    breaks: [...new Set(differences.filter((each) => isWithin(each.path, path)).map(({ direction }) => direction))],
  })
  if (!registered || schema === undefined) {
    return [status === 'dropped' ? line('$', 'registered', 'not there') : line('$', 'not there', 'new')]
  }
  const lines = schemaChanges(registered.schema, schema).map(({ path, before, after }) => line(path, before, after))
  // What breaks the reading of a revision that was replaced since, or of a version.
  const others = differences.filter(({ path }) => !lines.some((each) => isWithin(path, each.path)))
  return [
    ...lines,
    ...others.map(({ direction, path, expected, found }) =>
      direction === 'backward' ? line(path, found, expected) : line(path, expected, found),
    ),
  ]
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`)
}
