import { redriveDeadLetters } from '@tidemark/fanout'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { AddCommand, GlobalOptions } from '../context.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'

export const addConsumersRedrive: AddCommand = (parent, context) => {
  parent
    .command('redrive')
    .description('send the dead letters of a consumer back to their topics, each once')
    .argument('<consumer>', 'its name')
    .action(async (name: string, _options, command: Command) => {
      const { yes } = command.optsWithGlobals<GlobalOptions>()
      const project = await openKafkaProject(command, context)
      const consumer = findConsumer(project, name)
      await confirm(`Send the dead letters of "${name}" back to ${consumer.topics.join(', ')}?`, { yes: !!yes })
      context.output.one({ consumer: name, ...(await redriveDeadLetters(project.kafka, consumer)) })
    })
}
