import { readConsumerLag, type PartitionLag } from '@tidemark/fanout'
import type { Command } from 'commander'
import { pathTo } from '../server/change-named.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { seconds } from '../times.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureConsumersLag: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .argument('<consumer>', 'its name')
    .action(async (name: string, options: { readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const partitions = server
        ? (await server.get<{ data: Told<PartitionLag>[] }>(pathTo({ noun: 'consumer', name }, 'lag'))).data
        : await (async () => {
            const project = await openKafkaProject(command, context)
            return (await readConsumerLag(project.kafka, [findConsumer(project, name)]))[0].partitions
          })()
      context.output.list<PartitionLag | Told<PartitionLag>>(
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
