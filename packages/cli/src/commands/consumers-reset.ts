import { forgetInbox, resetConsumer, type ResetTarget } from '@tidemark/fanout'
import { InvalidArgumentError, type Command } from 'commander'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withStore } from '../database/with-store.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { instant } from '../times.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions {
  readonly to: ResetTarget
  readonly topic?: string
  readonly partition?: number
  readonly forgetInbox?: boolean
}

export const configureConsumersReset: ConfigureVerb = (verb, context) => {
  verb
    .argument('<consumer>', 'its name')
    .requiredOption('--to <place>', 'earliest, latest, an offset, or a time such as 2025-03-01T12:00:00Z', placeOf)
    .option('--topic <topic>', 'only this topic')
    .option('--partition <number>', 'only this partition', wholeNumber)
    .option('--forget-inbox', 'handle again what it has handled before')
    .action(async (name: string, _options, command: Command) => {
      const { to, topic, partition, forgetInbox: forget, yes } = command.optsWithGlobals<Options>()
      const project = await openKafkaProject(command, context)
      const consumer = findConsumer(project, name)
      const where = { to, ...(topic !== undefined && { topic }), ...(partition !== undefined && { partition }) }
      const planned = await resetConsumer(project.kafka, consumer, { ...where, dryRun: true })
      const again = forget ? ', and let it handle again what it has handled before' : ''
      await confirm(`Move group "${consumer.group}" in ${planned.length} partitions${again}?`, { yes: !!yes })
      const moved = await resetConsumer(project.kafka, consumer, where)
      // Only now: a crash in between leaves records that are recognised, not effects that are doubled.
      if (forget) await withStore(command, context, (store) => forgetInbox(store, consumer))
      else
        context.output.note('what it has handled before it will pass over: --forget-inbox makes it handle that again')
      context.output.list(
        moved,
        [
          ['topic', (each) => each.topic],
          ['partition', (each) => each.partition],
          ['before', ({ before }) => before],
          ['after', ({ after }) => after],
        ],
        'nothing was moved',
      )
    })
}

function placeOf(text: string): ResetTarget {
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d+$/.test(text)) return bigNumber(text)
  try {
    return instant(text)
  } catch {
    throw new InvalidArgumentError('It is earliest, latest, an offset, or a time with its zone.')
  }
}
