import type { LogFilter, LogShard } from '@tidemark/eventstore'
import { knownTypesOf, typesOf, type AnyProjection } from './any-projection.js'
import type { Projection, RowKey } from './define-projection.js'

/** A part of a projection: all of it without a shard. */
export interface ProjectionPart {
  readonly projection: Projection
  readonly shard?: LogShard | undefined
}

/** What a part wants of the log. Where rows are shared out and not streams, every part reads all of it. */
export function filterOf({
  projection,
  shard,
}: Omit<ProjectionPart, 'projection'> & { readonly projection: AnyProjection }): LogFilter {
  return {
    categories: projection.aggregates.map(({ name }) => name),
    types: typesOf(projection),
    knownTypes: knownTypesOf(projection),
    ...(projection.kind === 'read-model' && projection.keyedByStream && { shard }),
  }
}

/** The shard by which a part's rows are told from the others', undefined where its streams already are. */
export function rowShardOf({ projection, shard }: ProjectionPart): LogShard | undefined {
  return projection.keyedByStream ? undefined : shard
}

/** Whether a row belongs to a shard. */
export function isInShard(key: RowKey, shard: LogShard | undefined): boolean {
  return !shard || rowShardIndex(key, shard.count) === shard.index
}

/** The shard of a row, from 0. */
export function rowShardIndex(key: RowKey, count: number): number {
  return fnv1a(key) % count
}

/** FNV-1a over a key's text, as a number below 2^32. It must never change, for the checkpoints of shards depend on it. */
export function fnv1a(key: RowKey): number {
  const text = String(key)
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
