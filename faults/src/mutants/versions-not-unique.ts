import type { Mutant } from '../experiment.js'

/** Leaves the version to what each append has read: those of other processes, at the same moment, have read the same. */
export const versionsNotUnique: Mutant = {
  name: 'versions-not-unique',
  defect: 'no constraint keeps two events from one version of a stream',
  experiment: 'racing-processes',
  caughtBy: ['I3', 'I9'],
  async changeDatabase(client) {
    await client.query('alter table tidemark.events drop constraint events_stream_id_version_key')
    await client.query('create index on tidemark.events (stream_id, version)')
  },
}
