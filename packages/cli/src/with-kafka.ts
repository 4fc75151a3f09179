import type { ConsumerDefinition, KafkaConnectionOptions } from '@tidemark/fanout'
import type { Command } from 'commander'
import type { Context } from './context.js'
import { openProject, type Project } from './database/with-store.js'
import { ConfigError } from './errors.js'
import { findNamed } from './find-named.js'

/** The project of a command that works with Kafka, and where Kafka is. */
export interface KafkaProject extends Project {
  readonly kafka: KafkaConnectionOptions
  readonly consumers: readonly ConsumerDefinition[]
}

/** @throws {ConfigError} the configuration names no broker. */
export async function openKafkaProject(command: Command, context: Context): Promise<KafkaProject> {
  const project = await openProject(command, context)
  const { brokers } = project.settings
  if (brokers.length === 0)
    throw new ConfigError('no Kafka is named: set KAFKA_BROKERS, or kafka.brokers in the configuration')
  return { ...project, kafka: { brokers }, consumers: project.loaded.config.consumers ?? [] }
}

/** The consumer that was named on the command line. */
export function findConsumer({ consumers }: KafkaProject, name: string): ConsumerDefinition {
  return findNamed(consumers, name, 'consumer')
}
