import type { Mutant } from '../experiment.js'

/** Moves the placeholder of a checked stream to a version that nobody else wants: the check reads, and excludes nobody. */
export const checkThatHoldsNobody: Mutant = {
  name: 'check-that-holds-nobody',
  defect: 'a checked stream may be appended to before the append that checks it commits',
  experiment: 'write-skew',
  caughtBy: ['requirements'],
  async changeDatabase(client) {
    await client.query(`
      create function tidemark.misplace_check() returns trigger language plpgsql as $$
      begin
        if new.type = '$check' then new.version := new.version + 1000000; end if;
        return new;
      end $$;
      create trigger misplace_check before insert on tidemark.events for each row execute function tidemark.misplace_check()`)
  },
}
