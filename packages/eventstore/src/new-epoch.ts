import type { Pool } from 'pg'
import { on, run, type Database } from './database.js'
import { ConfigurationError, LogRestoredError, type CheckpointMisfit } from './errors.js'
import type { LogSource } from './log-source.js'
import * as statements from './sql/epoch-statements.js'
import { inTransaction } from './transaction.js'
import { findMisfits } from './verify-store.js'

export interface NewEpochOptions {
  /** Why, for those who look at the log later. */
  readonly reason: string
  /**
   * Where checkpoints that do not fit the log go on: the last position that is the same in the lost log and in this one, or 0 to begin again.
   *
   * Without it such checkpoints are left alone, and no epoch begins.
   */
  readonly rewindTo?: bigint
}

export interface NewEpoch {
  readonly epoch: string
  /** The checkpoints that fit the log, and stay where they are. */
  readonly kept: readonly string[]
  /** The checkpoints that were moved back: their subscribers see events again, and what they wrote before is still there. */
  readonly rewound: readonly (CheckpointMisfit & { readonly to: bigint })[]
}

/** Begins a new epoch in one transaction; see {@link EventStore.newEpoch}. */
export async function beginNewEpoch(
  database: Database,
  pool: Pool,
  source: LogSource,
  { reason, rewindTo }: NewEpochOptions,
): Promise<NewEpoch> {
  if (reason.trim() === '') throw new ConfigurationError('a new epoch needs a reason: say what was restored, and why')
  const { lastPosition } = await source.head()
  if (rewindTo !== undefined && (rewindTo < 0n || rewindTo > lastPosition)) {
    throw new ConfigurationError(
      `checkpoints cannot be moved to position ${rewindTo}: the log goes from 0 to ${lastPosition}`,
    )
  }
  const misfits = await findMisfits(database, source)
  if (misfits.length > 0 && rewindTo === undefined) throw new LogRestoredError(misfits)
  return inTransaction(pool, async (client) => {
    const inside = on(database, client)
    const [begun] = await run<[string]>(inside, statements.beginEpoch, [reason, lastPosition])
    const epoch = begun?.[0] ?? ''
    const names = misfits.map(({ name }) => name)
    const kept = await run<[string]>(inside, statements.keepCheckpoints, [epoch, names])
    const moved = await run<[string, string]>(inside, statements.rewindCheckpoints, [epoch, names, rewindTo ?? 0n])
    const places = new Map(moved.map(([name, position]) => [name, BigInt(position)]))
    return {
      epoch,
      kept: kept.map(([name]) => name).toSorted(),
      rewound: misfits.map((misfit) => ({ ...misfit, to: places.get(misfit.name) ?? 0n })),
    }
  })
}
