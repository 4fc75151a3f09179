import type { ConsumerDefinition } from './define-consumer.js'

const units = [
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
] as const

/** The retry topic of a delay: `orders.retry.5s`. */
export function retryTopicOf(topic: string, delayMs: number): string {
  const unit = units.find(([ms]) => delayMs % ms === 0)
  return `${topic}.retry.${unit ? `${delayMs / unit[0]}${unit[1]}` : `${delayMs}ms`}`
}

/** All topics that a consumer reads: its own, and their retry topics. */
export function topicsReadBy({ topics, retry }: Pick<ConsumerDefinition, 'topics' | 'retry'>): readonly string[] {
  return topics.flatMap((topic) => [topic, ...retry.topicsAfterMs.map((delayMs) => retryTopicOf(topic, delayMs))])
}

/** The dead-letter topics of a consumer, each with the topic that it is for. */
export function deadLetterTopicsOf({
  topics,
  deadLetter,
}: Pick<ConsumerDefinition, 'topics' | 'deadLetter'>): ReadonlyMap<string, string> {
  return new Map(deadLetter ? topics.map((topic) => [topic, `${topic}${deadLetter.suffix}`]) : [])
}
