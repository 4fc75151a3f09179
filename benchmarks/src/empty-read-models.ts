import type pg from 'pg'

/** Drops the read models of a log, so that each round begins with none. */
export async function emptyReadModels(pool: pg.Pool, schema: string): Promise<void> {
  await pool.query(`drop schema ${schema}_read cascade; create schema ${schema}_read`)
  await pool.query(`truncate ${schema}.checkpoints, ${schema}.projections`)
}
