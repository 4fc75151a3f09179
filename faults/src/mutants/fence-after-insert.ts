import type { Mutant } from '../experiment.js'

/** Fences a transaction once it has its positions, when it is too late. */
export const fenceAfterInsert: Mutant = {
  name: 'fence-after-insert',
  defect: 'an appender takes its fence after its first positions',
  experiment: 'gap-hunter',
  caughtBy: ['I4'],
  async changeDatabase(client) {
    await client.query(`
drop trigger events_fence on tidemark.events;
create trigger events_fence after insert on tidemark.events for each statement execute function tidemark.fence_append();
alter table tidemark.events enable always trigger events_fence`)
  },
}
