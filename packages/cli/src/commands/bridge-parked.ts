import { listParkedRecords, type ParkedRecord } from '@tidemark/fanout'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly key?: string
  readonly failed?: true
}

export const configureBridgeParked: ConfigureVerb = (verb, context) => {
  verb
    .argument('<bridge>', 'its name')
    .option('--key <key>', 'only of this key')
    .option('--failed', 'without those that wait for an earlier one')
    .action(async (name: string, { key, failed }: Options, command: Command) => {
      const parked = await withStore(command, context, (store, { loaded }) => {
        const { name: bridge } = findNamed(loaded.config.bridges ?? [], name, 'bridge')
        return listParkedRecords(store, {
          bridge,
          ...(key !== undefined && { key }),
          ...(failed && { status: 'failed' }),
        })
      })
      context.output.list<ParkedRecord>(
        parked,
        [
          ['position', ({ position }) => position],
          ['key', (record) => record.key],
          ['stream', ({ streamId }) => streamId],
          ['version', ({ version }) => version],
          ['event', ({ type }) => type],
          ['status', ({ status }) => status],
          ['attempts', ({ attempts }) => attempts],
          ['error', ({ error }) => error?.message],
        ],
        'nothing is parked',
      )
    })
}
