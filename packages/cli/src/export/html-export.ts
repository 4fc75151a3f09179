import type { ValueChange } from '@tidemark/eventstore'
import { createHash } from 'node:crypto'
import { jsonText } from '../output/json-text.js'
import type { TraceNode, TraceRoot } from '../history/trace.js'
import type { History, Step } from './history-of.js'
import { styles } from './html-styles.js'

/**
 * The history as one page that needs nothing else: timeline, the state at each version, and the trace.
 *
 * It has no script, and its policy lets nothing be loaded, so that what an event says stays text.
 */
export function htmlExport({ streamId, aggregate, steps, trace }: History): string {
  const last = steps.at(-1)
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(styles).digest('base64')}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(streamId)}</title>
<style>${styles}</style>
</head>
<body>
<main>
<h1>${escaped(streamId)}</h1>
<p class="quiet">${escaped(aggregate.name)}, ${steps.length} ${steps.length === 1 ? 'event' : 'events'}, ${escaped(spanOf(steps))}. Fields that are declared personal were replaced, and who acted was left out.</p>
<h2>Timeline</h2>
<ol class="timeline">
${steps.map((step, index) => stepOf(step, steps[index - 1])).join('\n')}
</ol>
<h2>State at version ${String(last?.event.version ?? 0)}</h2>
<pre>${escaped(pretty(last?.state))}</pre>
<h2>Trace</h2>
${trace.map((root) => rootOf(root, streamId)).join('\n')}
</main>
</body>
</html>
`
}

function stepOf({ event, state, changes }: Step, before: Step | undefined): string {
  const { version, type, recordedAt, data, position, id, metadata } = event
  const passed = before
    ? `<span class="gap">${escaped(gapText(recordedAt.getTime() - before.event.recordedAt.getTime()))}</span>`
    : ''
  return `<li>${passed}<details${before ? '' : ' open'}>
<summary><span class="version">${String(version)}</span> <strong>${escaped(type)}</strong> <time>${escaped(recordedAt.toISOString())}</time></summary>
<h3>Data</h3><pre>${escaped(pretty(data))}</pre>
<h3>What it changed</h3>${changesOf(changes)}
<h3>State</h3><pre>${escaped(pretty(state))}</pre>
<p class="quiet">position ${String(position)}, id ${escaped(id)}${metadata.correlationId === undefined ? '' : `, conversation ${escaped(metadata.correlationId)}`}</p>
</details></li>`
}

function changesOf(changes: readonly ValueChange[]): string {
  if (changes.length === 0) return '<p class="quiet">nothing</p>'
  const rows = changes.map(
    ({ path, before, after }) =>
      `<tr><td>${escaped(path || '(all)')}</td><td class="before">${escaped(shown(before))}</td><td class="after">${escaped(shown(after))}</td></tr>`,
  )
  return `<table><thead><tr><th>field</th><th>before</th><th>after</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function rootOf({ cause, effects }: TraceRoot, streamId: string): string {
  const title = cause === undefined ? 'without a known cause' : `caused by ${cause}`
  return `<p class="cause">${escaped(title)}</p>${listOf(effects, streamId)}`
}

function listOf(nodes: readonly TraceNode[], streamId: string): string {
  const items = nodes.map(({ event, effects }) => {
    const { type, version, recordedAt } = event
    const where = event.streamId === streamId ? `version ${version}` : `${event.streamId}, version ${version}`
    const nested = effects.length > 0 ? listOf(effects, streamId) : ''
    return `<li><strong>${escaped(type)}</strong> <span class="quiet">${escaped(where)}, ${escaped(recordedAt.toISOString())}</span>${nested}</li>`
  })
  return `<ul class="trace">${items.join('')}</ul>`
}

function spanOf(steps: readonly Step[]): string {
  const [first, last] = [steps[0]?.event.recordedAt, steps.at(-1)?.event.recordedAt]
  return first && last ? `${first.toISOString()} to ${last.toISOString()}` : ''
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

function gapText(ms: number): string {
  const [name, length] = units.find((unit) => ms >= unit[1]) ?? ['millisecond', 1]
  const count = Math.max(0, Math.round(ms / length))
  return `${count} ${name}${count === 1 ? '' : 's'} later`
}

const pretty = (value: unknown) => jsonText(value ?? null, 2)
const shown = (value: unknown) => (value === undefined ? '' : typeof value === 'string' ? value : jsonText(value))

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
