import type { Kafka } from 'kafkajs'

/**
 * What is used of the cluster inside kafkajs.
 *
 * Its consumers can read as members of a group only, which takes a group's rights and seconds to form; its transactions hide their tries.
 */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(node: { readonly nodeId: string }): Promise<Broker>
  findGroupCoordinator(group: { readonly groupId: string; readonly coordinatorType: number }): Promise<Broker>
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number }[]
      readonly fromBeginning: boolean
    }[],
  ): Promise<readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>
}

/** Who sends in a transaction. */
export interface TransactionalProducer {
  readonly transactionalId: string
  readonly producerId: string
  readonly producerEpoch: number
}

export interface Broker {
  fetch(request: {
    readonly isolationLevel: number
    readonly maxWaitTime: number
    readonly minBytes: number
    readonly maxBytes: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly {
        readonly partition: number
        readonly fetchOffset: string
        readonly maxBytes: number
      }[]
    }[]
  }): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
  initProducerId(request: {
    readonly transactionalId: string
    readonly transactionTimeout: number
  }): Promise<Omit<TransactionalProducer, 'transactionalId'>>
  addPartitionsToTxn(
    request: TransactionalProducer & {
      readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
    },
  ): Promise<unknown>
  produce(
    request: TransactionalProducer & {
      readonly acks: number
      readonly timeout: number
      readonly topicData: readonly ProducedTopic[]
    },
  ): Promise<{
    readonly topics: readonly {
      readonly topicName: string
      readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
    }[]
  }>
  endTxn(request: TransactionalProducer & { readonly transactionResult: boolean }): Promise<unknown>
}

export interface ProducedTopic {
  readonly topic: string
  readonly partitions: readonly {
    readonly partition: number
    readonly firstSequence: number
    readonly messages: readonly object[]
  }[]
}

export interface FetchedPartition {
  readonly partition: number
  readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[]
  readonly messages: readonly {
    readonly offset: string
    readonly value: Buffer | null
    readonly isControlRecord?: boolean
    readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
    readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>
  }[]
}

type CreateCluster = (options: { readonly allowAutoTopicCreation: boolean }) => Cluster

/** A cluster of its own connections. It is not public; the release is pinned, and tests work by it. */
export function createCluster(kafka: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create = name && (kafka as unknown as Readonly<Record<symbol, unknown>>)[name]
  if (typeof create !== 'function') throw new Error('this release of kafkajs has no cluster that can be used')
  return (create as CreateCluster)({ allowAutoTopicCreation: false })
}
