import { redriveDeadLetters } from '@tidemark/fanout'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureConsumersRedrive: ConfigureVerb = (verb, context) => {
  verb.argument('<consumer>', 'its name').action(async (name: string, _options, command: Command) => {
    const { yes } = command.optsWithGlobals<GlobalOptions>()
    const project = await openKafkaProject(command, context)
    const consumer = findConsumer(project, name)
    await confirm(`Send the dead letters of "${name}" back to ${consumer.topics.join(', ')}?`, { yes: !!yes })
    context.output.one({ consumer: name, ...(await redriveDeadLetters(project.kafka, consumer)) })
  })
}
