/**
 * Under which subject a schema is kept: `topic`, `<topic>-value`, for topics with one type of event; `record`, the name of the record,
 * the same on every topic; `topic-record`, `<topic>-<name of the record>`, for topics with several types that evolve apart.
 */
export type SubjectNames = 'topic' | 'record' | 'topic-record'

/**
 * The subject of a schema, as Confluent's strategies of these names form it.
 *
 * @example
 * subjectName('topic-record', { topic: 'shop.orders', recordName: 'order.OrderPlaced' }) // 'shop.orders-order.OrderPlaced'
 */
export function subjectName(
  strategy: SubjectNames,
  { topic, recordName }: { readonly topic: string; readonly recordName: string },
): string {
  if (strategy === 'topic') return `${topic}-value`
  return strategy === 'record' ? recordName : `${topic}-${recordName}`
}
