import { forgetInbox, resetConsumer, type ResetPartition, type ResetTarget } from '@tidemark/fanout'
import { InvalidArgumentError, type Command } from 'commander'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { withStore } from '../database/with-store.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { changeNamed } from '../server/change-named.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { instant } from '../times.js'
import { findConsumer, openKafkaProject } from '../with-kafka.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly to: ResetTarget
  readonly topic?: string
  readonly partition?: number
  readonly forgetInbox?: boolean
}

/** What would be moved. */
interface Plan {
  readonly group: string
  readonly moves: readonly unknown[]
}

export const configureConsumersReset: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<consumer>', 'its name')
    .requiredOption('--to <place>', 'earliest, latest, an offset, or a time such as 2025-03-01T12:00:00Z', placeOf)
    .option('--topic <topic>', 'only this topic')
    .option('--partition <number>', 'only this partition', wholeNumber)
    .option('--forget-inbox', 'handle again what it has handled before')
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const { to, topic, partition, forgetInbox: forget, yes } = options
      const again = forget ? ', and let it handle again what it has handled before' : ''
      const agree = ({ group, moves }: Plan) =>
        confirm(`Move group "${group}" in ${moves.length} partitions${again}?`, { yes: !!yes })
      const server = serverOf(options, context)
      const place = to instanceof Date ? to.toISOString() : to.toString()
      const input = { to: place, topic, partition, forgetInbox: forget }
      const moved = server
        ? (
            await changeNamed<{ moved: Told<ResetPartition>[] }, Plan>(
              server,
              { noun: 'consumer', name, action: 'reset', options, input, agree },
              context,
            )
          )?.moved
        : await resetHere(name, { options, agree }, command, context)
      if (!moved) return
      if (!forget)
        context.output.note('what it has handled before it will pass over: --forget-inbox makes it handle that again')
      context.output.list<ResetPartition | Told<ResetPartition>>(
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

async function resetHere(
  name: string,
  { options, agree }: { readonly options: Options; readonly agree: (plan: Plan) => Promise<void> },
  command: Command,
  context: Context,
): Promise<readonly ResetPartition[]> {
  const { to, topic, partition, forgetInbox: forget } = options
  const project = await openKafkaProject(command, context)
  const consumer = findConsumer(project, name)
  const where = { to, ...(topic !== undefined && { topic }), ...(partition !== undefined && { partition }) }
  await agree({
    group: consumer.group,
    moves: await resetConsumer(project.kafka, consumer, { ...where, dryRun: true }),
  })
  const moved = await resetConsumer(project.kafka, consumer, where)
  // Only now: a crash in between leaves records that are recognised, not effects that are doubled.
  if (forget) await withStore(command, context, (store) => forgetInbox(store, consumer))
  return moved
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
