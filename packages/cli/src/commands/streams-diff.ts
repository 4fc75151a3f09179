import { valueChanges, type ValueChange } from '@tidemark/eventstore'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { aggregateOf } from '../history/aggregate-of.js'
import { loadOptionsOf, twoMoments, type Moment } from '../history/moment.js'
import { plainJson } from '../output/plain-json.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'
import { nothingThere } from './streams-state.js'

export const configureStreamsDiff: ConfigureVerb = (verb, context) => {
  withTenantOption(verb)
    .argument('<stream>', 'the id, such as order-o-42')
    .argument('<moments>', 'two versions or times, such as 3..7; 3.. compares with now', twoMoments)
    .action(
      async (
        streamId: string,
        [from, to]: readonly [bigint | Date, Moment],
        { tenant }: { readonly tenant?: string },
        command: Command,
      ) => {
        const [before, after] = await withStore(command, context, async (store, { loaded }) => {
          const { aggregate, aggregateId } = aggregateOf(loaded.config, streamId)
          const streams = streamsOf(store, tenant)
          return [
            await streams.load(aggregate, aggregateId, loadOptionsOf(from)),
            await streams.load(aggregate, aggregateId, loadOptionsOf(to)),
          ] as const
        })
        if (after.version === 0n) throw new CliError(nothingThere(streamId, to))
        const found = valueChanges(plainJson(before.state), plainJson(after.state))
        context.output.list<ValueChange>(
          found,
          [
            ['field', ({ path }) => path || '(all)'],
            ['before', (change) => change.before],
            ['after', (change) => change.after],
          ],
          'the state is the same',
        )
        context.output.note(`${streamId} from version ${before.version} to version ${after.version}`)
      },
    )
}
