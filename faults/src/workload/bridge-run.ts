import { randomUUID } from 'node:crypto'
import { createEventStore, type EventStore } from '@tidemark/eventstore'
import {
  createKafkaProducer,
  listBridges,
  retryParkedRecords,
  type BridgeDefinition,
  type BridgeStatus,
} from '@tidemark/fanout'
import type { KafkaServer } from '@tidemark/test-servers'
import type pg from 'pg'
import type { ExperimentContext } from '../experiment.js'
import type { BridgeEntry } from '../history/entry.js'
import { bridgeOf, type BridgeChoice } from './bridge-choice.js'
import { runBridgeLoad, type BridgeLoad } from './bridge-load.js'
import type { BridgeNews, BridgeOrder } from './bridge-process.js'
import { demand } from './demand.js'
import { startLabProcess, type End, type LabProcess } from './lab-process.js'
import { until } from './projection-progress.js'
import { lastPosition, recordLog } from './record-log.js'
import { recordTopic } from './record-topic.js'

/** What an experiment with a bridge starts from. */
export interface BridgeSetting {
  readonly kafka: KafkaServer
  /** How the bridge is run; with batches of 20, a lease of a second and three partitions unless said. */
  readonly options?: BridgeOrder['options']
  readonly requestTimeoutMs?: number
  readonly registryUrl?: string
  /** Whether the bridge publishes in transactions, whose readers see only what was committed. */
  readonly transactional?: boolean
}

/** What the bridge was put through, for the checks of its topic. */
export type BridgeFaults = Pick<BridgeEntry, 'interruptions'> & Partial<Pick<BridgeEntry, 'after' | 'moves'>>

export type BridgeProcess = LabProcess<Extract<BridgeNews, End>>

const goesOnWithinMs = 30_000

/** A store, a topic, and processes that run one bridge between them. */
export class BridgeRun {
  readonly pool: pg.Pool
  readonly store: EventStore
  readonly definition: BridgeDefinition
  readonly topic = `faults-${randomUUID()}`
  /** How many sends the processes took for failed. */
  failedSends = 0
  /** The memory of processes, as they told it since it was emptied, in bytes. */
  memory: number[] = []
  private readonly choice: BridgeChoice
  private readonly processes: BridgeProcess[] = []
  private readonly done = new AbortController()
  private load: Promise<void> = Promise.resolve()

  constructor(
    private readonly context: ExperimentContext,
    private readonly setting: BridgeSetting,
  ) {
    const { registryUrl, transactional = false } = setting
    const { lanes } = context
    this.pool = context.database.createPool({ max: 10 })
    this.store = createEventStore(this.pool, { listen: false })
    this.choice = {
      name: 'lab',
      topic: this.topic,
      lanes,
      transactional,
      ...(registryUrl !== undefined && { registryUrl }),
    }
    this.definition = bridgeOf(this.choice)
    context.signal.addEventListener('abort', () => this.done.abort())
  }

  /** Lets writers append from now on, to the end of the experiment. */
  startLoad(load: BridgeLoad = {}): void {
    const { history, random } = this.context
    this.load = runBridgeLoad({ store: this.store, history, random: random.fork(), signal: this.done.signal }, load)
  }

  /** Starts a process that runs the bridge, or waits for its turn. */
  start(options: BridgeOrder['options'] = {}, failpoints?: string): BridgeProcess {
    const { requestTimeoutMs } = this.setting
    const order: BridgeOrder = {
      ...this.choice,
      databaseUrl: this.context.database.url,
      mutant: this.context.mutant?.name,
      brokers: this.brokers,
      options: { ...this.options, ...options },
      ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    }
    const onNews = (news: BridgeNews) => {
      if (news.kind === 'send-failed') this.failedSends++
      if (news.kind === 'memory') this.memory.push(news.bytes)
    }
    const started = startLabProcess<BridgeNews>('bridge-process.js', order, { failpoints, onNews })
    this.processes.push(started)
    return started
  }

  /** Those that have not ended. */
  get running(): readonly BridgeProcess[] {
    return this.processes.filter(({ running }) => running)
  }

  /** Publishes what is parked, as an operator does. */
  async retryParked(options: BridgeOrder['options'] = {}): Promise<number> {
    const producer = createKafkaProducer({ brokers: this.brokers })
    try {
      const retried = await retryParkedRecords(this.store, this.definition, { ...this.options, ...options, producer })
      return retried.reduce((sum, { published }) => sum + published, 0)
    } finally {
      await producer.disconnect()
    }
  }

  async status(): Promise<BridgeStatus> {
    const [status] = await listBridges(this.store, [this.definition])
    if (!status) throw new RangeError('a bridge that was asked for has no status')
    return status
  }

  /** Undefined while not all lanes are taken. */
  private async owner(): Promise<BridgeProcess | undefined> {
    const owners = (await this.status()).lanes.map(({ owner }) => this.running.find(({ pid }) => String(pid) === owner))
    return owners.includes(undefined) ? undefined : owners[0]
  }

  /** Whether all of the bridge is in the hands of others. */
  async isTakenFrom({ pid }: BridgeProcess): Promise<boolean> {
    const { lanes } = await this.status()
    return lanes.every(({ owner }) => owner !== undefined && owner !== String(pid))
  }

  /** Waits until processes have the bridge, and returns the one that does, or one of those that share its lanes. */
  async soonOwner(): Promise<BridgeProcess | undefined> {
    let owner: BridgeProcess | undefined
    await until(async () => (owner = await this.owner()) !== undefined, goesOnWithinMs)
    return owner
  }

  /** Demands that what is in the log now is published soon. */
  async demandProgress(after: string, withinMs = goesOnWithinMs): Promise<void> {
    const position = await lastPosition(this.pool)
    await this.demandSoon(`goes on after ${after}`, async () => (await this.status()).position >= position, withinMs)
  }

  /** Demands that something becomes true soon. */
  async demandSoon(name: string, condition: () => Promise<boolean>, withinMs = goesOnWithinMs): Promise<void> {
    if (this.context.signal.aborted) return
    const took = await until(condition, withinMs, 50)
    const actual = took === undefined ? `not within ${withinMs} ms` : `${Math.round(took)} ms`
    demand(this.context.history, name, `within ${withinMs} ms`, actual, took !== undefined)
  }

  /** Ends the load, waits for the bridge, and takes down log and topic. */
  async record({ interruptions, ...faults }: BridgeFaults): Promise<void> {
    const { history } = this.context
    history.add({ kind: 'healed', atMs: history.now() })
    this.done.abort()
    await this.load
    const last = await lastPosition(this.pool)
    const isThere = async () => (await this.status()).position >= last
    const took = await until(isThere, goesOnWithinMs)
    history.add({ kind: 'caught-up', subscriber: 'the bridge', ...(took !== undefined && { atMs: history.now() }) })
    await Promise.all(this.running.map((each) => each.dismiss()))
    const { position } = await this.status()
    const { batchSize = 500 } = this.options
    history.add({
      kind: 'bridge',
      topic: this.topic,
      interruptions,
      largestBatch: batchSize * this.context.lanes,
      checkpoint: String(position),
      ...faults,
    })
    await recordLog(this.pool, history)
    const { kafka, transactional: committed = false } = this.setting
    await recordTopic(kafka, history, { topic: this.topic, committed })
  }

  async close(): Promise<void> {
    this.done.abort()
    await this.load
    await Promise.all(this.running.map((each) => each.kill()))
    await this.store.close()
  }

  private get brokers(): string[] {
    return this.setting.kafka.bootstrapServers.split(',')
  }

  private get options(): BridgeOrder['options'] {
    const createTopics = { partitions: 3, replicationFactor: 1 }
    return { batchSize: 20, leaseMs: 1000, createTopics, ...this.setting.options }
  }
}

/**
 * Puts a bridge through faults, and takes down what became of its topic.
 *
 * `faults` starts processes and load, and leaves one process running that can get to the head.
 */
export async function runBridge(
  context: ExperimentContext,
  setting: BridgeSetting,
  faults: (run: BridgeRun) => Promise<BridgeFaults>,
): Promise<void> {
  const run = new BridgeRun(context, setting)
  try {
    await run.record(await faults(run))
  } finally {
    await run.close()
  }
}
