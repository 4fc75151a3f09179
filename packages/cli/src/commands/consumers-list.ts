import { readConsumerLag, type ConsumerLag } from '@tidemark/fanout'
import type { Command } from 'commander'
import { exitCode } from '../exit-code.js'
import { bigNumber } from '../numbers.js'
import { seconds } from '../times.js'
import { openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureConsumersList: ConfigureVerb = (verb, context) => {
  verb
    .option('--max-lag <records>', 'end with 3 when one is further behind', bigNumber)
    .action(async ({ maxLag }: { readonly maxLag?: bigint }, command: Command) => {
      const { kafka, consumers } = await openKafkaProject(command, context)
      const lags: readonly ConsumerLag[] = consumers.length === 0 ? [] : await readConsumerLag(kafka, consumers)
      context.output.list(
        lags.map(({ partitions, ...lag }) => ({ ...lag, partitions: partitions.length })),
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
      if (maxLag !== undefined && lags.some(({ lag }) => lag > maxLag)) context.ends.code = exitCode.unhealthy
    })
}
