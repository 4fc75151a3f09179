import { listParkedRecords, type ParkedRecord } from '@tidemark/fanout'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import { pathTo } from '../server/change-named.js'
import { readPages } from '../server/read-pages.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly key?: string
  readonly failed?: true
  readonly server?: string
}

const atMost = 1000

export const configureBridgeParked: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .argument('<bridge>', 'its name')
    .option('--key <key>', 'only of this key')
    .option('--failed', 'without those that wait for an earlier one')
    .action(async (name: string, options: Options, command: Command) => {
      const { key, failed } = options
      const server = serverOf(options, context)
      const path = pathTo({ noun: 'bridge', name }, 'parked')
      const parked = server
        ? await readPages<Told<ParkedRecord>>(server, path, { key, status: failed && 'failed' }, atMost)
        : await withStore(command, context, (store, { loaded }) => {
            const { name: bridge } = findNamed(loaded.config.bridges ?? [], name, 'bridge')
            const selection = {
              bridge,
              ...(key !== undefined && { key }),
              ...(failed && { status: 'failed' as const }),
            }
            return listParkedRecords(store, selection, { limit: atMost })
          })
      context.output.list<ParkedRecord | Told<ParkedRecord>>(
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
