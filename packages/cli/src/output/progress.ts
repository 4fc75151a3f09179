import type { OutputStream } from './output.js'

/** How far some work has come. */
export interface Progress {
  update(state: { readonly done: bigint; readonly total: bigint; readonly perSecond: number }): void
  /** Takes the bar away; whatever is written next starts on a line of its own. */
  end(): void
}

const redrawMs = 100
const lineMs = 5000
const barWidth = 24

/** A bar that is redrawn on a terminal; elsewhere, as in the log of a deployment, one plain line every 5 seconds. */
export function createProgress(
  stream: OutputStream,
  what: string,
  options: { readonly quiet: boolean; readonly bar: boolean },
): Progress {
  const { quiet, bar } = options
  let drawn = false
  let lastAt = bar ? -Infinity : performance.now()
  return {
    update({ done, total, perSecond }) {
      const now = performance.now()
      if (quiet || now - lastAt < (bar ? redrawMs : lineMs)) return
      lastAt = now
      const share = total === 0n ? 1 : Math.min(1, Number(done) / Number(total))
      const figures = `${done}/${total}, ${Math.round(perSecond)}/s${remaining(done, total, perSecond)}`
      if (!bar) return void stream.write(`${what}: ${figures}\n`)
      const filled = Math.round(share * barWidth)
      const picture = `[${'#'.repeat(filled)}${' '.repeat(barWidth - filled)}] ${Math.floor(share * 100)}%`
      // One column less than there are, or some terminals go to the next line.
      stream.write(`\r\u001b[K${`${what} ${picture} ${figures}`.slice(0, (stream.columns ?? 80) - 1)}`)
      drawn = true
    },
    end() {
      if (drawn) stream.write('\r\u001b[K')
      drawn = false
    },
  }
}

function remaining(done: bigint, total: bigint, perSecond: number): string {
  if (perSecond <= 0 || done >= total) return ''
  const seconds = Math.ceil(Number(total - done) / perSecond)
  const minutes = Math.floor(seconds / 60)
  return `, ${minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`} left`
}
