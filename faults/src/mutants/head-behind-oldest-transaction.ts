import type { Mutant } from '../experiment.js'

/** Lets readers go up to the oldest transaction of the whole cluster, whatever it does. */
export const headBehindOldestTransaction: Mutant = {
  name: 'head-behind-oldest-transaction',
  defect: 'the head stays behind the oldest open transaction of the cluster',
  experiment: 'open-transactions',
  caughtBy: ['I6', 'I12', 'requirements'],
  async changeDatabase(client) {
    await client.query(`
create or replace function tidemark.safe_head(out last_position bigint, out safe_position bigint, out holder_pid integer)
  language plpgsql volatile security definer
  set search_path = tidemark, pg_temp
as $$
begin
  last_position := coalesce(pg_sequence_last_value('events_position_seq'), 0);
  safe_position := least(last_position, coalesce(
    (select min(position) - 1 from events
      where xmin::text::bigint >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint), last_position));
end
$$`)
  },
}
