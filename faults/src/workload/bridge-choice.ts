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
}

/** The definition that a choice stands for. */
export function bridgeOf({ name, topic, registryUrl, lanes }: BridgeChoice): BridgeDefinition {
  return defineBridge({ name, topic, source: '/faults', lanes, ...(registryUrl !== undefined && { from: [Account] }) })
}
