import type { RecordedEvent } from '@tidemark/eventstore'
import { jsonText } from '../output/json-text.js'
import type { Output } from '../output/output.js'

/** An event in one line. */
export function eventLine({ paint }: Output, event: RecordedEvent): string {
  const { position, recordedAt, streamId, version, type, data, tenant } = event
  const whose = tenant === undefined ? '' : `${tenant} `
  return `${paint.dim(`${position}  ${recordedAt.toISOString()}`)}  ${whose}${streamId} ${paint.dim(String(version))}  ${paint.cyan(type)}  ${jsonText(data)}`
}
