import type { Mutant } from '../experiment.js'

/** Takes back the short wait of a group: the calls that travel with one for a held stream wait as long as it is held. */
export const unboundedLockWait: Mutant = {
  name: 'unbounded-lock-wait',
  defect: "a group waits for a stranger's lock as long as it is held",
  experiment: 'strangers-in-the-group',
  caughtBy: ['requirements'],
  async changeDatabase(client) {
    await client.query(`
      create function tidemark.wait_for_ever() returns trigger language plpgsql as $$
      begin
        perform set_config('lock_timeout', '0', true);
        return new;
      end $$;
      create trigger wait_for_ever before insert on tidemark.events for each row execute function tidemark.wait_for_ever()`)
  },
}
