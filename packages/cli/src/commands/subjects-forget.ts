import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withStore } from '../database/with-store.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions {
  readonly reason: string
  readonly tenant?: string
}

export const configureSubjectsForget: ConfigureVerb = (verb, context) => {
  withTenantOption(verb)
    .argument('<subject>', 'the subject, as events name it')
    .requiredOption('--reason <text>', 'why, such as the number of the request; no personal data')
    .action(async (subject: string, _options, command: Command) => {
      const { reason, tenant, yes = false } = command.optsWithGlobals<Options>()
      const result = await withStore(command, context, async (store) => {
        await confirm(`Make the personal data of "${subject}" unreadable for ever?`, { yes })
        return streamsOf(store, tenant).forgetSubject(subject, { reason })
      })
      context.output.one({ ...result })
      if (result.streamIds.length > 0) {
        context.output.note('read models show the data until they are rebuilt: see `tidemark projections rebuild`')
      }
    })
}
