import type { KafkaServer } from '@tidemark/test-servers'

/** Runs `kafka-topics`. */
export async function topicCommand(kafka: KafkaServer, ...args: string[]): Promise<string> {
  const { stdout } = await kafka.runTool('org.apache.kafka.tools.TopicCommand', args)
  return stdout
}

/** The id of the broker that leads the first partition of a topic. */
export async function leaderOf(kafka: KafkaServer, topic: string): Promise<number> {
  const described = await topicCommand(kafka, '--describe', '--topic', topic)
  return Number(/Partition: 0\s+Leader: (\d+)/.exec(described)?.[1])
}

/** Says how many replicas of a topic must have a record before it is acknowledged. */
export async function setMinInsyncReplicas(kafka: KafkaServer, topic: string, count: number): Promise<void> {
  const which = ['--entity-type', 'topics', '--entity-name', topic]
  const change = ['--alter', '--add-config', `min.insync.replicas=${count}`]
  await kafka.runTool('kafka.admin.ConfigCommand', [...which, ...change])
}
