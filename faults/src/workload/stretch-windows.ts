import type pg from 'pg'
import { MutationMissedError } from '../fault-lab-error.js'

const reading = `last_position := coalesce(pg_sequence_last_value('events_position_seq'), 0);`

/**
 * Makes the fence and the head slow in the database of a run: between reading the sequence and what follows, both sleep.
 *
 * The order of their steps is what keeps a reader from skipping, so no pause between them may do harm; a wrong order shows itself
 * within seconds, where it would otherwise take days.
 */
export async function stretchWindows(client: Pick<pg.Client, 'query'>, milliseconds: number): Promise<void> {
  for (const name of ['safe_head', 'fence_append']) {
    const { rows } = await client.query<{ definition: string }>(
      'select pg_get_functiondef($1::regproc) as definition',
      [`tidemark.${name}`],
    )
    const definition = rows[0]?.definition ?? ''
    if (!definition.includes(reading)) throw new MutationMissedError(`function ${name}`, reading)
    const sleep = `perform pg_sleep(random() * ${milliseconds / 1000});`
    await client.query(definition.replace(reading, `${reading}\n  ${sleep}`))
  }
}
