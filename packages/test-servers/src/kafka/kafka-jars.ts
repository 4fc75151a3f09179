import { join } from 'node:path'
import { findJava } from '../process/find-java.js'
import { mavenDependency, mavenFiles } from '../process/maven-files.js'

/** The version of Apache Kafka that the tests run. */
export const kafkaVersion = '4.1.1'

/** What it takes to run a class of Kafka's. */
export interface KafkaJars {
  readonly java: string
  readonly classPath: string
}

/**
 * Java and Kafka's jars, downloaded by Maven on first use to `.cache/kafka/<version>/lib` of this checkout.
 *
 * Processes that need them at once wait for one of them to download.
 *
 * @throws {ServerUnavailableError} there is no Java 17, no Maven, or no way to Maven Central.
 */
export async function kafkaJars(): Promise<KafkaJars> {
  const otherwise = 'set KAFKA_BROKERS to a running broker'
  const java = await findJava('Kafka', otherwise)
  const lib = await mavenFiles({
    server: 'Kafka',
    folder: `kafka/${kafkaVersion}`,
    dependencies: [
      mavenDependency('org.apache.kafka', 'kafka_2.13', kafkaVersion),
      mavenDependency('org.apache.kafka', 'kafka-tools', kafkaVersion),
      mavenDependency('org.slf4j', 'slf4j-simple', '1.7.36'),
    ],
    how: 'copy',
    otherwise,
  })
  return { java, classPath: join(lib, '*') }
}
