import type { Failure, Figure } from './harness.js'

/** One line for people: `append 32 callers   21,400 appends/s (20,900–22,100)  p50 1.4 ms  p99 3.2 ms  1.31 × pgbench …`. */
export function printFigure(figure: Figure | Failure): string {
  if ('error' in figure) return `${figure.name.padEnd(34)}  error: ${figure.error}`
  const { name, unit, rate, p50Ms, p99Ms, against, ratio, spread } = figure
  const count = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'))
  const columns = [
    name.padEnd(34),
    `${count(rate).padStart(9)} ${unit} (${count(spread[0])}–${count(spread[1])})`,
    p50Ms === undefined || p99Ms === undefined ? '' : `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
    ratio === undefined ? '' : `${ratio.toFixed(2)} × ${against ?? ''}`,
  ]
  return columns.filter((column) => column !== '').join('  ')
}
