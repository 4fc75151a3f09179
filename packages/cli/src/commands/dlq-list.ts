import { groupParked, listParked, type ParkedEvent, type ParkedGroup } from '@tidemark/projections'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly projection?: string
  readonly fingerprint?: string
  readonly events?: true
  readonly skipped?: true
}

export const configureDlqList: ConfigureVerb = (verb, context) => {
  verb
    .option('--projection <name>', 'only of this projection')
    .option('--events', 'each event, also those that wait for an earlier one')
    .option('--fingerprint <text>', 'only events that failed alike; each of them')
    .option('--skipped', 'events that were left out for good; each of them')
    .action(async (options: Options, command: Command) => {
      const { projection, fingerprint, events, skipped } = options
      const of = projection === undefined ? {} : { projection }
      await withReadModels(command, context, async (store) => {
        if (!events && !skipped && fingerprint === undefined) return showGroups(context, await groupParked(store, of))
        const selection = { ...of, ...(fingerprint !== undefined && { fingerprint }) }
        showEvents(context, await listParked(store, { ...selection, ...(skipped && { status: 'skipped' }) }))
      })
    })
}

const nothing = 'nothing is parked'

function showGroups({ output }: Context, groups: readonly ParkedGroup[]): void {
  output.list(
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

function showEvents({ output }: Context, events: readonly ParkedEvent[]): void {
  output.list(
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
