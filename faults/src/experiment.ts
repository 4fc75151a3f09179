import type { createServer } from '@tidemark/api'
import type { AppendResult, LogSource, Queryable } from '@tidemark/eventstore'
import type { KafkaProducerPort } from '@tidemark/fanout'
import type { KafkaServer, TestDatabase } from '@tidemark/test-servers'
import type pg from 'pg'
import type { CheckName } from './checks/check.js'
import type { HistoryWriter } from './history/history-writer.js'
import type { Random } from './random.js'
import type { QueryInterceptor } from './workload/intercept-queries.js'

/** The part of the system that an experiment is about. */
export const groups = ['store', 'projector', 'bridge', 'api', 'process'] as const
export type Group = (typeof groups)[number]

/** What a reader of the log in an experiment asks for. */
export type LogReader = Pick<LogSource, 'read'>

/**
 * The system with one defect, which its experiment must find.
 *
 * A mutant changes the run's own database, or stands between the experiment and the product; the product's code has none of it.
 */
export interface Mutant {
  readonly name: string
  readonly defect: string
  /** The experiment that must fail on it. */
  readonly experiment: string
  /** At least one of these checks must find it; an experiment that fails otherwise has not caught it. */
  readonly caughtBy: readonly CheckName[]
  /** Changes the database of the run, before anybody uses it. */
  readonly changeDatabase?: (client: pg.Client) => Promise<void>
  /** Reads the log in the product's place. */
  readonly logReader?: (pool: pg.Pool) => LogReader
  /** Stands between a caller and its append. */
  readonly wrapAppend?: (append: () => Promise<AppendResult>) => Promise<AppendResult>
  /** Stands between a store and its connections. */
  readonly wrapPool?: (pool: pg.Pool) => pg.Pool
  /** Stands between a bridge and Kafka. */
  readonly wrapProducer?: (producer: KafkaProducerPort) => KafkaProducerPort
  /** Stands between a process that projects and its connections. */
  readonly interceptQuery?: QueryInterceptor
  /** Stands between a process that projects and the log. */
  readonly wrapRead?: (read: LogSource['read']) => LogSource['read']
  /** Changes a server before it listens. */
  readonly changeServer?: (app: ReturnType<typeof createServer>) => void
  /** Stands between a checkpoint and the transaction that it is advanced in. */
  readonly wrapCheckpoint?: (transaction: Queryable) => Queryable
}

/** What an experiment gets from the runner. */
export interface ExperimentContext {
  /** `short` for CI, `full` for proof, `hunt` for the workload that shows a defect within seconds. */
  readonly size: 'short' | 'full' | 'hunt'
  readonly random: Random
  /** Into how many lanes bridges are split. */
  readonly lanes: number
  /** A migrated database of this run; the mutant has changed it already. */
  readonly database: TestDatabase
  /** For an experiment that needs it. */
  readonly kafka: KafkaServer | undefined
  readonly history: HistoryWriter
  readonly mutant: Mutant | undefined
  /** Aborted when the user interrupts: end the load, then go on to the end. */
  readonly signal: AbortSignal
}

/** A load, the faults that it is put through, and what is taken down meanwhile; the checks judge later. */
export interface Experiment {
  readonly name: string
  readonly group: Group
  /** One line for people. */
  readonly summary: string
  /** The checks that must have something to look at, or the run proved nothing. */
  readonly checks: readonly CheckName[]
  /** What it needs besides Postgres. */
  readonly needs?: 'kafka'
  readonly run: (context: ExperimentContext) => Promise<void>
}
