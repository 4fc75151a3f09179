import type { Logger } from '@tidemark/eventstore'
import type { Output } from '../output/output.js'

/** A logger for somebody who looks on: warnings and errors as lines to read; with `debug` everything. */
export function terminalLogger(output: Output, debug: boolean): Logger {
  const { paint } = output
  const write = (label: string) => (fields: object, message: string) =>
    output.note(`${paint.dim(new Date().toTimeString().slice(0, 8))} ${label} ${message}${detailOf(fields)}`)
  const drop = () => undefined
  return {
    debug: debug ? write('debug') : drop,
    info: debug ? write('info') : drop,
    warn: write(paint.yellow('warning')),
    error: write(paint.red('error')),
  }
}

function detailOf(fields: object): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    if (value instanceof Error) return value.message
    return typeof value === 'string' || typeof value === 'number' ? `${name} ${value}` : ''
  })
  const detail = parts.filter((part) => part !== '').join(', ')
  return detail === '' ? '' : ` (${detail})`
}
