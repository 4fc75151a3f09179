import { runToEnd, type FinishedProcess } from '../process/run-to-end.js'
import { kafkaJars } from './kafka-jars.js'

/** `stdin` is written and closed; `timeoutMs` (default 60 s) ends the tool with SIGKILL. */
export interface RunKafkaToolOptions {
  readonly stdin?: string
  readonly timeoutMs?: number
}

/** Options of the Java virtual machine for programs that live for seconds. */
export const quickStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

/**
 * Runs a class of Kafka's jars to its end, with `--bootstrap-server` put before `args`.
 *
 * Its log, warnings and worse, is on stderr. The console consumer ends by `--max-messages` or `--timeout-ms`; the latter
 * counts as success.
 *
 * @throws {CommandFailedError} it ended with an error or took too long.
 * @throws {ServerUnavailableError} there is no Java, or the jars could not be downloaded.
 * @example
 * const { stdout } = await runKafkaTool(inject('kafkaBrokers'), 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
 *   '--topic', 'orders', '--from-beginning', '--max-messages', '10', '--property', 'print.headers=true',
 * ])
 */
export async function runKafkaTool(
  bootstrapServers: string,
  mainClass: string,
  args: readonly string[],
  options: RunKafkaToolOptions = {},
): Promise<FinishedProcess> {
  const { java, classPath } = await kafkaJars()
  const machine = ['-Xmx256m', ...quickStart, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath]
  return runToEnd(java, [...machine, mainClass, '--bootstrap-server', bootstrapServers, ...args], options)
}
