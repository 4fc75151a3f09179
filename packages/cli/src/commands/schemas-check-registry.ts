import { checkRegistry, createSchemaRegistryClient, type RegistryCheck } from '@tidemark/fanout'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { openProject } from '../database/with-store.js'
import { ConfigError, UsageError } from '../errors.js'
import { exitCode } from '../exit-code.js'

/** Compares the schemas of everything that the project's bridges publish with a schema registry; needs no database. */
export async function checkWithRegistry(
  command: Command,
  context: Context,
  { registry: named, register }: { readonly registry: string | true; readonly register: boolean },
): Promise<void> {
  const { loaded, settings } = await openProject(command, context)
  const { aggregates, bridges = [], schemaRegistry } = loaded.config
  if (!schemaRegistry) {
    throw new ConfigError(
      `${loaded.path} does not say how events are published: add \`schemaRegistry: { format: 'avro' }\``,
    )
  }
  const url = named === true ? settings.registry?.url : named
  if (url === undefined) throw new UsageError('no schema registry is named: add its URL, or set SCHEMA_REGISTRY_URL')
  const auth = settings.registry?.auth ?? undefined
  const registry = createSchemaRegistryClient({ url, ...(auth && { auth }) })
  const checks = await checkRegistry(bridges, { ...schemaRegistry, registry, aggregates, register })
  context.output.list<RegistryCheck>(
    checks,
    [
      ['bridge', ({ bridge }) => bridge],
      ['event', ({ event }) => event],
      ['subject', ({ subject }) => subject],
      ['status', ({ status }) => status],
      ['id', ({ schemaId }) => schemaId],
      ['reasons', ({ reasons }) => reasons.join('\n')],
    ],
    'the configuration has no bridges',
  )
  if (checks.every(({ status }) => status !== 'incompatible' && status !== 'not-expressible')) return
  context.ends.code = exitCode.conflict
  const note = 'change the schema so that consumers can read it, or publish it as another event type'
  context.output.note(register ? `${note}; nothing was registered` : note)
}
