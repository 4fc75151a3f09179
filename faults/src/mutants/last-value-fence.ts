import type { Mutant } from '../experiment.js'

/** Takes the sequence's last value for the head, whoever still has a transaction open below it. */
export const lastValueFence: Mutant = {
  name: 'last-value-fence',
  defect: "the head is the sequence's last value, whatever locks are held",
  experiment: 'gap-hunter',
  caughtBy: ['I4'],
  async changeDatabase(client) {
    await client.query(`
create or replace function tidemark.safe_head(out last_position bigint, out safe_position bigint, out holder_pid integer)
  language plpgsql volatile security definer
  set search_path = tidemark, pg_temp
as $$
begin
  last_position := coalesce(pg_sequence_last_value('events_position_seq'), 0);
  safe_position := last_position;
end
$$`)
  },
}
