import { redriveDeadLetters, type RedriveReport } from '@tidemark/fanout'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { changeNamed } from '../server/change-named.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureConsumersRedrive: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<consumer>', 'its name')
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & ChangeOptions>()
      const agree = (topics: readonly string[]) =>
        confirm(`Send the dead letters of "${name}" back to ${topics.join(', ')}?`, { yes: !!options.yes })
      const server = serverOf(options, context)
      const report = server
        ? await changeNamed<RedriveReport, { readonly topics: readonly string[] }>(
            server,
            { noun: 'consumer', name, action: 'redrive', options, agree: ({ topics }) => agree(topics) },
            context,
          )
        : await (async () => {
            const project = await openKafkaProject(command, context)
            const consumer = findConsumer(project, name)
            await agree(consumer.topics)
            return redriveDeadLetters(project.kafka, consumer)
          })()
      if (report) context.output.one({ consumer: name, ...report })
    })
}
