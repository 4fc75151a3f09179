import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { FaultLabError } from '../fault-lab-error.js'
import { eventMaker } from '../workload/new-events.js'
import type { RaceOrder, RaceOutcome } from '../workload/racing-process.js'
import { recordLog } from '../workload/record-log.js'

const rounds = { short: 10, full: 50, hunt: 10 } as const
const processes = 4
const callersEach = 250
const withinMs = 10_000
const conflict = 'EVENTSTORE_VERSION_CONFLICT'

/** A thousand callers in several processes decide on one version: nothing but Postgres stands between them. */
export const racingProcesses: Experiment = {
  name: 'racing-processes',
  group: 'store',
  summary: '1,000 appends at once from 4 processes expect one version: 1 wins, 999 get a typed conflict, within 10 s',
  checks: ['I1', 'I2', 'I3', 'I9', 'requirements'],

  async run(context) {
    const { size, database, history, signal } = context
    const program = fileURLToPath(new URL('../workload/racing-process.js', import.meta.url))
    const racers = Array.from({ length: processes }, () => fork(program, [database.directUrl]))
    try {
      await Promise.all(racers.map(answerOf))
      const make = eventMaker('racer')
      for (let round = 0; round < rounds[size] && !signal.aborted; round++) await race(context, racers, make, round)
      await recordLog(database.createPool({ max: 1 }), history)
    } finally {
      await Promise.all(racers.map(dismiss))
    }
  },
}

/** Every second race is for the stream that the race before it began. */
async function race(
  { history }: ExperimentContext,
  racers: readonly ChildProcess[],
  make: ReturnType<typeof eventMaker>,
  round: number,
): Promise<void> {
  const streamId = `race-${Math.floor(round / 2)}`
  const expectedVersion = round % 2
  const startedMs = history.now()
  const outcomes = await Promise.all(
    racers.map(async (racer, n) => {
      const appends = make(callersEach)
      racer.send({ streamId, expectedVersion, appends } satisfies RaceOrder)
      const answer = (await answerOf(racer)) as RaceOutcome[]
      const endedMs = history.now()
      const events = new Map(appends.map((event) => [event.id, event]))
      for (const { id, version, error } of answer) {
        const event = events.get(id)
        if (!event) continue
        const outcome = error === undefined ? 'ok' : error.code === 'EVENTSTORE_OUTCOME_UNKNOWN' ? 'unknown' : 'fail'
        history.add({
          kind: 'append',
          outcome,
          caller: `process ${n}`,
          startedMs,
          endedMs,
          streamId,
          expectedVersion: String(expectedVersion),
          events: [event],
          ...(version !== undefined && { version }),
          ...(error !== undefined && { error }),
        })
      }
      return answer
    }),
  )
  const tookMs = Math.round(history.now() - startedMs)
  const all = outcomes.flat()
  const won = all.filter(({ error }) => error === undefined).length
  const conflicts = all.filter(({ error }) => error?.code === conflict).length
  history.add({
    kind: 'requirement',
    name: `outcomes of race ${round}`,
    expected: '1 win, 999 conflicts',
    actual: `${won} wins, ${conflicts} conflicts`,
    met: won === 1 && conflicts === processes * callersEach - 1,
  })
  history.add({
    kind: 'requirement',
    name: `time of race ${round}`,
    expected: `at most ${withinMs} ms`,
    actual: `${tookMs} ms`,
    met: tookMs <= withinMs,
  })
}

/** The next thing that a process says; one that ends instead breaks the experiment off. */
async function answerOf(racer: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const { signal } = over
  const died = once(racer, 'exit', { signal }).then(() => Promise.reject(new FaultLabError('a racing process ended')))
  try {
    const [answer] = (await Promise.race([once(racer, 'message', { signal }), died])) as [unknown]
    return answer
  } finally {
    died.catch(() => undefined)
    over.abort()
  }
}

/** Lets a process end by itself, and ends it if it does not. */
async function dismiss(racer: ChildProcess): Promise<void> {
  if (racer.exitCode !== null || racer.signalCode !== null) return
  const ended = once(racer, 'exit')
  const timer = setTimeout(() => racer.kill('SIGKILL'), 5000)
  if (racer.connected) racer.disconnect()
  await ended
  clearTimeout(timer)
}
