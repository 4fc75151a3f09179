import type { KafkaServer } from '@tidemark/test-servers'
import type { HistoryWriter } from '../history/history-writer.js'

const printed = ['partition', 'offset', 'headers', 'key'].flatMap((part) => ['--property', `print.${part}=true`])

/** Takes down the first `count` records of a topic, as Kafka's own console consumer reads them. */
export async function recordTopic(
  kafka: KafkaServer,
  history: HistoryWriter,
  { topic, count }: { readonly topic: string; readonly count: number },
): Promise<void> {
  const end = ['--max-messages', String(count), '--timeout-ms', '30000']
  const { stdout } = await kafka.runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--topic', topic, '--from-beginning', ...end, ...printed],
  ])
  for (const line of stdout.split('\n')) {
    if (line === '') continue
    const [partition = '', offset = '', headers = '', key = ''] = line.split('\t')
    history.add({
      kind: 'record',
      topic,
      partition: Number(partition.replace('Partition:', '')),
      offset: offset.replace('Offset:', ''),
      key,
      id: /(?:^|,)ce_id:([^,]+)/.exec(headers)?.[1] ?? 'none',
      version: /(?:^|,)ce_streamversion:(\d+)/.exec(headers)?.[1] ?? '0',
    })
  }
}
