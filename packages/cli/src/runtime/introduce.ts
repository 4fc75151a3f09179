import type { Settings } from '../config/resolve-settings.js'
import { describeDatabase } from '../database/connection-problem.js'
import type { TidemarkConfig } from '../define-config.js'
import type { Output } from '../output/output.js'
import type { Services } from './start-services.js'

/** Says what is running where, and what to try. */
export function introduce(
  output: Output,
  running: { readonly config: TidemarkConfig; readonly settings: Settings; readonly services: Services },
): void {
  const { config, settings, services } = running
  const { url = '', bridges, consumers } = services
  const [projection] = config.projections ?? []
  const places = {
    api: url,
    docs: `${url}/docs`,
    ...(projection && { readModel: `${url}/v1/${projection.name}` }),
    postgres: settings.database ? describeDatabase(settings.database.url) : '',
    bridges,
    consumers,
  }
  if (output.options.format !== 'table') return output.one(places)
  const { bold, cyan, dim } = output.paint
  const lines = [
    '',
    `  ${bold('Tidemark is running')}  ${dim('Ctrl-C stops it')}`,
    '',
    `  API         ${cyan(`${url}/v1`)}`,
    `  API docs    ${cyan(places.docs)}`,
    ...(places.readModel === undefined ? [] : [`  Read model  ${cyan(places.readModel)}`]),
    `  Postgres    ${places.postgres}${settings.database?.from === 'tidemark dev' ? dim(' (URL in .tidemark/dev.json)') : ''}`,
    `  Kafka       ${kafkaLine(config, settings, [...bridges, ...consumers])}`,
  ]
  const tries = config.tryThese?.(url) ?? []
  if (tries.length > 0)
    lines.push('', '  Try, in another terminal:', '', ...tries.flatMap((text) => [indent(text), '']))
  output.text(lines.join('\n'))
}

function kafkaLine(
  { bridges = [], consumers = [] }: TidemarkConfig,
  { brokers }: Settings,
  running: readonly string[],
): string {
  if (running.length > 0) return `${brokers.join(', ')} (${running.join(', ')})`
  const parts = [...(bridges.length > 0 ? ['the bridges'] : []), ...(consumers.length > 0 ? ['the consumers'] : [])]
  return parts.length > 0 ? `none: set KAFKA_BROKERS to run ${parts.join(' and ')}` : 'not used'
}

const indent = (text: string) => text.replaceAll(/^/gm, '    ')
