import { shardExpression } from '@tidemark/eventstore'

/**
 * SQL for the version that a stream had when its row was made, in a statement that reads the row by the view: both are from one snapshot, in which the
 * row has exactly the events up to its shard's checkpoint, or all of them where appends keep it. Null where a consumer group feeds the table.
 *
 * `streamId` and `projection` are SQL too, such as `$1::text`. It holds for rows that are keyed by their stream, beside whose table the log is.
 */
export function streamVersionExpression(
  schema: string,
  { streamId, projection }: { readonly streamId: string; readonly projection: string },
): string {
  return `(select (select e.version from ${schema}.events e
           where e.stream_id = ${streamId} and p.fed_by is null and (p.inline or e.position <= c.position)
           order by e.version desc limit 1)
    from ${schema}.projections p
    left join ${schema}.checkpoints c on c.name = 'projection:' || p.table_name
              || case when p.shards = 1 then '' else '/' || ${shardExpression(`${streamId} collate "C"`, 'p.shards')} end
   where p.name = ${projection} and p.status = 'live')`
}
