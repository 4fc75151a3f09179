import { readConsumerLag, type ConsumerLag } from '@tidemark/fanout'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { exitCode } from '../exit-code.js'
import { bigNumber } from '../numbers.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { seconds } from '../times.js'
import { openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

/** How far a consumer is, with how many partitions it has. */
interface ShownConsumer extends Omit<ConsumerLag, 'partitions'> {
  readonly partitions: number
}

export const configureConsumersList: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .option('--max-lag <records>', 'end with 3 when one is further behind', bigNumber)
    .action(async (options: { readonly maxLag?: bigint; readonly server?: string }, command: Command) => {
      const { maxLag } = options
      const server = serverOf(options, context)
      const consumers = server
        ? (await server.get<{ data: Told<ShownConsumer>[] }>('/consumers')).data
        : await lookHere(command, context)
      context.output.list<ShownConsumer | Told<ShownConsumer>>(
        consumers,
        [
          ['name', ({ name }) => name],
          ['group', ({ group }) => group],
          ['state', ({ state }) => state],
          ['members', ({ members }) => members],
          ['partitions', ({ partitions }) => partitions],
          ['lag', ({ lag }) => lag],
          ['seconds', ({ lagMs }) => seconds(lagMs)],
        ],
        'the configuration has no consumers',
      )
      const isBehind = maxLag !== undefined && consumers.some(({ lag }) => BigInt(lag) > maxLag)
      if (isBehind) context.ends.code = exitCode.unhealthy
    })
}

async function lookHere(command: Command, context: Context): Promise<ShownConsumer[]> {
  const { kafka, consumers } = await openKafkaProject(command, context)
  const lags: readonly ConsumerLag[] = consumers.length === 0 ? [] : await readConsumerLag(kafka, consumers)
  return lags.map(({ partitions, ...lag }) => ({ ...lag, partitions: partitions.length }))
}
