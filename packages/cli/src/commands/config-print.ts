import type { Command } from 'commander'
import { openProject } from '../database/with-store.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureConfigPrint: ConfigureVerb = (verb, context) => {
  verb.action(async (_options: unknown, command: Command) => {
    const { loaded, settings } = await openProject(command, context)
    const { aggregates, projections = [], bridges = [], consumers = [] } = loaded.config
    const names = (things: readonly { readonly name: string }[]) => things.map(({ name }) => name)
    context.output.one({
      file: loaded.path,
      database: settings.database ? withoutPassword(settings.database.url) : null,
      databaseFrom: settings.database?.from ?? null,
      schema: settings.schema,
      readModels: settings.readModels ? withoutPassword(settings.readModels.url) : null,
      api: `http://${settings.host}:${settings.port}`,
      brokers: settings.brokers,
      schemaRegistry: settings.registry ? withoutPassword(settings.registry.url) : null,
      aggregates: names(aggregates),
      projections: names(projections),
      bridges: names(bridges),
      consumers: names(consumers),
    })
  })
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return '***'
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  for (const name of shown.searchParams.keys())
    if (/password|secret|token|key/i.test(name)) shown.searchParams.set(name, '***')
  return shown.href
}
