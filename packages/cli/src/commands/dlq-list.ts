import { groupParked, listParked, type ParkedEvent, type ParkedGroup } from '@tidemark/projections'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import type { AdminClient } from '../server/admin-client.js'
import { readPages } from '../server/read-pages.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly server?: string
  readonly projection?: string
  readonly fingerprint?: string
  readonly events?: true
  readonly skipped?: true
}

/** How many events are listed at most. */
const listed = 1000

export const configureDlqList: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .option('--projection <name>', 'only of this projection')
    .option('--events', 'each event, also those that wait for an earlier one')
    .option('--fingerprint <text>', 'only events that failed alike; each of them')
    .option('--skipped', 'events that were left out for good; each of them')
    .action(async (options: Options, command: Command) => {
      const server = serverOf(options, context)
      if (server) return listThrough(server, options, context)
      const { projection } = options
      const of = projection === undefined ? {} : { projection }
      await withReadModels(command, context, async (store, { loaded }) => {
        // What was set aside may be of a projection that the code has no more.
        const check = (found: readonly unknown[]) => {
          if (found.length === 0 && projection !== undefined)
            findNamed(loaded.config.projections ?? [], projection, 'projection')
        }
        if (isOfGroups(options)) {
          const groups = await groupParked(store, of)
          check(groups)
          return showGroups(context, groups)
        }
        const { fingerprint, skipped } = options
        const selection = { ...of, ...(fingerprint !== undefined && { fingerprint }) }
        const events = await listParked(
          store,
          { ...selection, ...(skipped && { status: 'skipped' }) },
          { limit: listed },
        )
        check(events)
        showEvents(context, events)
      })
    })
}

async function listThrough(server: AdminClient, options: Options, context: Context): Promise<void> {
  const { projection, fingerprint, skipped } = options
  if (isOfGroups(options)) {
    const groups = await server.get<{ data: Told<ParkedGroup>[] }>('/dead-letters/groups', { projection })
    return showGroups(context, groups.data)
  }
  const query = { projection, fingerprint, status: skipped && 'skipped' }
  showEvents(context, await readPages<Told<ParkedEvent>>(server, '/dead-letters', query, listed))
}

function isOfGroups({ events, skipped, fingerprint }: Options): boolean {
  return !events && !skipped && fingerprint === undefined
}

const nothing = 'nothing is parked'

function showGroups({ output }: Context, groups: readonly (ParkedGroup | Told<ParkedGroup>)[]): void {
  output.list<ParkedGroup | Told<ParkedGroup>>(
    groups,
    [
      ['projection', ({ projection }) => projection],
      ['fingerprint', ({ fingerprint }) => fingerprint],
      ['event', ({ type }) => type],
      ['failed', ({ failed }) => failed],
      ['streams', ({ streams }) => streams],
      ['waiting', ({ blocked }) => blocked],
      ['first at', ({ firstPosition }) => firstPosition],
      ['error', ({ error }) => error],
    ],
    nothing,
  )
}

function showEvents({ output }: Context, events: readonly (ParkedEvent | Told<ParkedEvent>)[]): void {
  output.list<ParkedEvent | Told<ParkedEvent>>(
    events,
    [
      ['projection', ({ projection }) => projection],
      ['table', ({ consumer }) => consumer],
      ['position', ({ position }) => position],
      ['stream', ({ streamId }) => streamId],
      ['event', ({ type }) => type],
      ['status', ({ status }) => status],
      ['blocks', ({ blocks }) => (blocks > 0 ? blocks : '')],
      ['attempts', ({ attempts }) => attempts],
      ['error', ({ error, reason }) => error?.message ?? reason],
    ],
    nothing,
  )
}
