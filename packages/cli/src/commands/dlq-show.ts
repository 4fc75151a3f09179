import { listParked } from '@tidemark/projections'
import type { Command } from 'commander'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { bigNumber } from '../numbers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDlqShow: ConfigureVerb = (verb, context) => {
  verb
    .argument('<projection>', 'its name')
    .argument('<position>', 'where the event is in the log', bigNumber)
    .action(async (projection: string, position: bigint, _options, command: Command) => {
      const [parked, stored] = await withReadModels(command, context, async (store) => [
        (await listParked(store, { projection, positions: [position] }))[0],
        (await store.readEventsAt([position]))[0],
      ])
      if (!parked) throw new CliError(`"${projection}" has no event at position ${position} set aside`)
      const { error, ...rest } = parked
      context.output.one({ ...rest, ...error, data: stored?.data, metadata: stored?.metadata })
    })
}
