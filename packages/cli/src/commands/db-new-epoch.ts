import type { Command } from 'commander'
import { LogRestoredError, type NewEpoch } from '@tidemark/eventstore'
import { ReadModelStore } from '@tidemark/projections'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { openReadModels } from '../database/open-read-models.js'
import { withStore } from '../database/with-store.js'
import { UsageError } from '../errors.js'
import {
  changeThrough,
  resultOrPlan,
  serverOf,
  withServerChange,
  type ChangeOptions,
} from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly reason: string
  readonly rewindTo?: string
}

export const configureDbNewEpoch: ConfigureVerb = (verb, context) => {
  withServerChange(verb, { ownReason: true })
    .requiredOption('--reason <text>', 'what was restored, and why')
    .option(
      '--rewind-to <place>',
      'where checkpoints that do not fit the log go on: `start`, `end`, or the last position that both logs share',
    )
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const { rewindTo, dryRun, yes = false } = options
      const server = serverOf(options, context)
      if (server) {
        if (rewindTo !== undefined) placeOf(rewindTo, 0n)
        if (!dryRun) await agree(yes)
        const path = '/database/new-epoch'
        const changed = await changeThrough<Told<NewEpoch>>(server, path, options, { rewindTo }, context)
        const begun = resultOrPlan(changed, {}, context)
        return begun && show(begun, context)
      }
      show(await beginHere(options, command, context), context)
    })
}

function beginHere({ reason, rewindTo, yes = false }: Options, command: Command, context: Context): Promise<NewEpoch> {
  return withStore(command, context, async (store, { settings }) => {
    const position = rewindTo === undefined ? undefined : placeOf(rewindTo, (await store.head()).lastPosition)
    const { readModels, close } = await openReadModels(store, settings)
    try {
      const elsewhere = readModels instanceof ReadModelStore ? readModels : undefined
      const misfits = (await elsewhere?.misfits()) ?? []
      if (misfits.length > 0 && position === undefined) throw new LogRestoredError(misfits)
      await agree(yes)
      const epoch = await store.newEpoch({ reason, ...(position !== undefined && { rewindTo: position }) })
      const moved = (await elsewhere?.rewind(position ?? 0n)) ?? []
      return { ...epoch, rewound: [...epoch.rewound, ...moved] }
    } finally {
      await close()
    }
  })
}

function agree(yes: boolean): Promise<void> {
  return confirm('Begin a new epoch? Every consistency token that was given out is refused from then on.', { yes })
}

function show(begun: NewEpoch | Told<NewEpoch>, { output }: Context): void {
  for (const note of notesOn(begun)) output.note(note)
  output.one({ epoch: begun.epoch, kept: begun.kept, rewound: begun.rewound })
}

function placeOf(place: string, end: bigint): bigint {
  if (place === 'start') return 0n
  if (place === 'end') return end
  if (/^\d{1,19}$/.test(place)) return BigInt(place)
  throw new UsageError(`--rewind-to is \`start\`, \`end\` or a position, not "${place}"`)
}

function notesOn({ rewound }: NewEpoch | Told<NewEpoch>): string[] {
  return rewound.map(({ name, position, to }) => {
    const moved = `checkpoint "${name}" was moved from ${position} to ${to}`
    if (name.startsWith('projection:'))
      return `${moved}, its rows were not: rebuild it with \`tidemark projections rebuild\``
    return `${moved}: it sees the events after that again, or for the first time`
  })
}
