import type { KafkaProducerPort } from '@tidemark/fanout'

/** A producer that does some things otherwise, and everything else as the inner one does; what is undefined here it cannot do. */
export function changeProducer(
  inner: KafkaProducerPort,
  changes: { readonly [Name in keyof KafkaProducerPort]?: KafkaProducerPort[Name] | undefined },
): KafkaProducerPort {
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return (changes as Record<PropertyKey, unknown>)[name]
      const own: unknown = Reflect.get(target, name)
      // Its methods know each other by `this`, and must not meet the changed ones.
      return typeof own === 'function' ? (own.bind(target) as unknown) : own
    },
  })
}
