/** One measured run of a contender. */
export interface Run {
  /** How much was done, in the figure's unit. */
  readonly count: number
  readonly seconds: number
  /** How long single operations took, in ms; empty where that says nothing. */
  readonly latenciesMs?: readonly number[]
}

/** Something that is measured: Tidemark, a peer, or the raw limit that others are compared with. */
export interface Contender {
  readonly name: string
  /** What `count` counts: `appends`, `events`. */
  readonly unit: string
  /** The name of the contender that this one is compared with, in the same rounds. */
  readonly against?: string
  /** Works for about `milliseconds`, or once through a fixed amount of work. */
  run(milliseconds: number): Promise<Run>
}

/** A suite with all that it needs started. */
export interface PreparedSuite {
  readonly contenders: readonly Contender[]
  close(): Promise<void>
}

export interface Figure {
  readonly name: string
  readonly unit: string
  /** Median over the rounds, per second. */
  readonly rate: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
  readonly against: string | undefined
  /** Median of the ratios round by round, so that a drift of the machine cancels out. */
  readonly ratio: number | undefined
  /** The slowest and the fastest round. */
  readonly spread: readonly [number, number]
}

/** In place of a figure where a contender did not do its work. */
export interface Failure {
  readonly name: string
  readonly unit: string
  readonly error: string
}

export interface MeasureOptions {
  readonly rounds: number
  readonly warmUpMs: number
  readonly roundMs: number
  readonly onRound?: (round: number, contender: Contender, rate: number) => void
  readonly onFailure?: (contender: Contender, error: unknown) => void
}

/**
 * Measures contenders in turn, round after round, after a warm-up of each.
 *
 * The machine's speed drifts by tens of percent, so a contender is compared with its yardstick within a round, never across runs.
 * One that throws is not run again, has a failure in place of its figure, and is no yardstick.
 */
export async function measure(
  contenders: readonly Contender[],
  options: MeasureOptions,
): Promise<(Figure | Failure)[]> {
  const runs = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]))
  const errors = new Map<string, string>()
  for (let round = 0; round <= options.rounds; round++) {
    for (const contender of contenders.filter(({ name }) => !errors.has(name))) {
      try {
        const run = await contender.run(round === 0 ? options.warmUpMs : options.roundMs)
        if (round === 0) continue
        runs.get(contender.name)?.push(run)
        options.onRound?.(round, contender, rateOf(run))
      } catch (error) {
        errors.set(contender.name, error instanceof Error ? error.message : String(error))
        runs.delete(contender.name)
        options.onFailure?.(contender, error)
      }
    }
  }
  return contenders.map((contender) => {
    const error = errors.get(contender.name)
    return error === undefined ? figureOf(contender, runs) : { name: contender.name, unit: contender.unit, error }
  })
}

function figureOf({ name, unit, against }: Contender, runs: ReadonlyMap<string, readonly Run[]>): Figure {
  const own = runs.get(name) ?? []
  const rates = own.map(rateOf)
  const yardstick = against === undefined ? [] : (runs.get(against) ?? [])
  const ratios = yardstick.map((run, round) => (rates[round] ?? Number.NaN) / rateOf(run))
  const latencies = own.flatMap(({ latenciesMs = [] }) => latenciesMs).sort((a, b) => a - b)
  return {
    name,
    unit: rateUnit(unit),
    rate: median(rates),
    p50Ms: latencies[Math.floor(latencies.length * 0.5)],
    p99Ms: latencies[Math.floor(latencies.length * 0.99)],
    against,
    ratio: ratios.length > 0 ? median(ratios) : undefined,
    spread: [Math.min(...rates), Math.max(...rates)],
  }
}

/** How a figure in this unit is written: a size or a share is no rate. */
export const rateUnit = (unit: string) => (/^(MB|bytes|%.*)$/.test(unit) ? unit : `${unit}/s`)

const rateOf = ({ count, seconds }: Run) => count / seconds

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** Runs `call` again and again from each of `callers` until the time is over, and notes how long each call took. */
export async function repeat(
  callers: number,
  milliseconds: number,
  call: (caller: number) => Promise<number>,
): Promise<Run> {
  const latenciesMs: number[] = []
  let count = 0
  const start = performance.now()
  const end = start + milliseconds
  const work = async (caller: number) => {
    for (let now = start; now < end;) {
      const counted = await call(caller)
      count += counted
      const done = performance.now()
      latenciesMs.push(done - now)
      now = done
    }
  }
  // A caller that fails ends alone: what the others still do must not run beside the next contender.
  const ended = await Promise.allSettled(Array.from({ length: callers }, (_, caller) => work(caller)))
  for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason
  return { count, seconds: (performance.now() - start) / 1000, latenciesMs }
}

/** Runs `work` once and counts what it returns. */
export async function once(work: () => Promise<number>): Promise<Run> {
  const start = performance.now()
  const count = await work()
  return { count, seconds: (performance.now() - start) / 1000 }
}
