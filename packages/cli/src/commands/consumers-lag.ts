import { readConsumerLag } from '@tidemark/fanout'
import type { Command } from 'commander'
import { seconds } from '../times.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureConsumersLag: ConfigureVerb = (verb, context) => {
  verb.argument('<consumer>', 'its name').action(async (name: string, _options, command: Command) => {
    const project = await openKafkaProject(command, context)
    const [{ partitions }] = await readConsumerLag(project.kafka, [findConsumer(project, name)])
    context.output.list(
      partitions,
      [
        ['topic', ({ topic }) => topic],
        ['partition', ({ partition }) => partition],
        ['committed', ({ committed }) => committed],
        ['end', ({ end }) => end],
        ['lag', ({ lag }) => lag],
        ['seconds', ({ lagMs }) => seconds(lagMs)],
      ],
      'its topics have no partitions',
    )
  })
}
