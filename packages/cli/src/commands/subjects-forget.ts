import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { withStore } from '../database/with-store.js'
import { changeThrough, serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly reason: string
  readonly tenant?: string
}

export const configureSubjectsForget: ConfigureVerb = (verb, context) => {
  withServerChange(withTenantOption(verb), { ownReason: true })
    .argument('<subject>', 'the subject, as events name it')
    .requiredOption('--reason <text>', 'why, such as the number of the request; no personal data')
    .action(async (subject: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const { reason, tenant, yes = false } = options
      const server = serverOf(options, context)
      const sure = () => confirm(`Make the personal data of "${subject}" unreadable for ever?`, { yes })
      if (server) {
        if (!options.dryRun) await sure()
        const path = `/subjects/${encodeURIComponent(subject)}/forget`
        const changed = await changeThrough<Forgotten>(server, path, options, { tenant }, context)
        if ('plan' in changed) return context.output.one({ subject, ...changed.plan })
        context.output.one({ subject, ...changed.result })
        return noteRows(changed.result.streams, context)
      }
      const result = await withStore(command, context, async (store) => {
        await sure()
        return streamsOf(store, tenant).forgetSubject(subject, { reason })
      })
      context.output.one({ ...result })
      noteRows(result.streamIds.length, context)
    })
}

/** How many streams it was about: which they are is for those who work with the database. */
interface Forgotten {
  readonly streams: number
  readonly unloadable: number
}

function noteRows(streams: number, { output }: Context): void {
  if (streams > 0) output.note('read models show the data until they are rebuilt: see `tidemark projections rebuild`')
}
