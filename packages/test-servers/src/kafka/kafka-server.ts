import type { FinishedProcess } from '../process/run-to-end.js'
import type { RunKafkaToolOptions } from './run-kafka-tool.js'

/** One broker of a cluster of one's own. */
export interface KafkaBroker {
  readonly id: number
  /** Where it listens for clients itself, whatever it advertises. */
  readonly port: number
  readonly logFile: string
  /** Undefined while it is down. */
  readonly pid: number | undefined
  /** Sends a signal; after SIGKILL and SIGTERM, waits until the broker has ended. SIGSTOP freezes it, SIGCONT thaws it. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts it again on the same data and ports; does nothing when it runs. */
  start(): Promise<void>
}

/** A real Apache Kafka that the tests may use, wherever it comes from. */
export interface KafkaServer {
  readonly kind: 'external' | 'container' | 'local'
  /** `host:port`, comma-separated: what clients are given. */
  readonly bootstrapServers: string
  /** The same brokers past any proxy that is advertised to clients. */
  readonly directBootstrapServers: string
  /** The brokers that can be killed and started; empty unless `kind` is `local`. */
  readonly brokers: readonly KafkaBroker[]
  /** Runs one of Kafka's own tools against the direct addresses; see {@link runKafkaTool}. */
  runTool(mainClass: string, args: readonly string[], options?: RunKafkaToolOptions): Promise<FinishedProcess>
  /** Gives the server back: ends it and deletes its data, unless it is external. */
  close(): Promise<void>
}

/** Says why this machine has no Kafka, so that tests can be skipped with a reason. */
export interface KafkaUnavailable {
  readonly kind: 'unavailable'
  readonly reason: string
}
