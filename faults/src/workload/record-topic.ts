import type { KafkaServer } from '@tidemark/test-servers'
import type { HistoryWriter } from '../history/history-writer.js'

const shown = ['partition', 'offset', 'headers', 'key'].map((part) => `print.${part}=true`)
const printed = [...shown, 'print.value=false'].flatMap((property) => ['--property', property])

/** Takes down every record of a topic, or those of transactions that were committed, as Kafka's own console consumer reads them, when nobody writes any more. */
export async function recordTopic(
  kafka: KafkaServer,
  history: HistoryWriter,
  { topic, committed = false }: { readonly topic: string; readonly committed?: boolean },
): Promise<void> {
  const count = await endOf(kafka, topic)
  if (count === 0) return
  // Offsets count what was aborted, and the ends of transactions: only silence tells that there is no more.
  const end = committed
    ? ['--isolation-level', 'read_committed', '--timeout-ms', '5000']
    : ['--max-messages', String(count), '--timeout-ms', '30000']
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

/** How many records all partitions have together, as Kafka's own tool tells. */
async function endOf(kafka: KafkaServer, topic: string): Promise<number> {
  const { stdout } = await kafka.runTool('org.apache.kafka.tools.GetOffsetShell', ['--topic', topic])
  return stdout.split('\n').reduce((sum, line) => sum + Number(/^.+:\d+:(\d+)$/.exec(line)?.[1] ?? 0), 0)
}
