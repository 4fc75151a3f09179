import { defineBridge, type BridgeDefinition } from '@tidemark/fanout'
import { Account } from './ledger.js'

/** A bridge of the lab, in words that a process can be told. */
export interface BridgeChoice {
  readonly name: string
  readonly topic: string
  /** With it, only accounts are published, by the schemas that are registered there. */
  readonly registryUrl?: string
  /** Into how many lanes it is split. */
  readonly lanes: number
  /** Whether it publishes in transactions. */
  readonly transactional?: boolean
}

/** The definition that a choice stands for. */
export function bridgeOf({ name, topic, registryUrl, lanes, transactional = false }: BridgeChoice): BridgeDefinition {
  const progress = transactional && { transactional: { progressTopic: `${topic}.progress` } }
  return defineBridge({
    ...{ name, topic, source: '/faults', lanes, ...progress },
    ...(registryUrl !== undefined && { from: [Account] }),
  })
}
