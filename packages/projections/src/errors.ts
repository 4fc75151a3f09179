/** The base of every error that this package throws: `code` is stable, `retryable` says whether the same call may succeed later. */
export abstract class ProjectionError extends Error {
  abstract readonly code: string
  readonly retryable: boolean = false
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when a projection, a handler or an option cannot work; found when the program starts. */
export class ProjectionDefinitionError extends ProjectionError {
  override readonly code = 'PROJECTIONS_DEFINITION'
  constructor(
    readonly projection: string,
    reason: string,
  ) {
    super(`projection "${projection}" cannot work: ${reason}`)
  }
}

/** Thrown when a database cannot have the read models of a log: it has a log of its own, or the read models of another log. */
export class ReadModelsRefusedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_READ_MODELS_REFUSED'
  constructor(
    readonly schema: string,
    reason: string,
  ) {
    super(`schema "${schema}" of the given pool cannot have the read models of this store: ${reason}`)
  }
}

/** Thrown when there is no projection of that name. */
export class UnknownProjectionError extends ProjectionError {
  override readonly code = 'PROJECTIONS_UNKNOWN'
  constructor(
    readonly projection: string,
    readonly known: readonly string[],
  ) {
    super(
      `there is no projection "${projection}": ${known.length === 0 ? 'none is defined' : `there is ${known.join(', ')}`}`,
    )
  }
}

/** Thrown when a projection made a row that does not match its own schema; nothing was written. */
export class InvalidRowError extends ProjectionError {
  override readonly code = 'PROJECTIONS_INVALID_ROW'
  readonly projection: string
  readonly key: string | number
  readonly eventType: string
  readonly eventId: string
  readonly position: bigint
  /** The JSON path of the first value at fault, such as `$.items[0].price`. */
  readonly path: string
  constructor(
    at: {
      readonly projection: string
      readonly key: string | number
      readonly event: { readonly type: string; readonly id: string; readonly position: bigint }
      readonly path: string
    },
    reason: string,
    options?: ErrorOptions,
  ) {
    const { projection, key, event, path } = at
    super(
      `projection "${projection}" made an invalid row "${key}" from ${event.type} at position ${event.position}, at ${path}: ${reason}. Correct the handler or the schema`,
      options,
    )
    this.projection = projection
    this.key = key
    this.eventType = event.type
    this.eventId = event.id
    this.position = event.position
    this.path = path
  }
}

/** Thrown when a handler of a projection threw; what it threw is the cause. */
export class HandlerFailedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_HANDLER_FAILED'
  readonly eventType: string
  readonly eventId: string
  readonly position: bigint
  constructor(
    readonly projection: string,
    event: { readonly type: string; readonly id: string; readonly position: bigint },
    cause: unknown,
  ) {
    super(
      `projection "${projection}" failed on ${event.type} at position ${event.position}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
    this.eventType = event.type
    this.eventId = event.id
    this.position = event.position
  }
}

/** Thrown when the columns in the database are not those of the definition, although its version is the same. */
export class SchemaChangedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_SCHEMA_CHANGED'
  constructor(
    readonly projection: string,
    readonly version: number,
    readonly table: string,
    /** One sentence part per column or index that differs. */
    readonly differences: readonly string[],
  ) {
    super(
      `projection "${projection}" version ${version} does not fit its table ${table}: ${differences.join('; ')}. Raise the projection's version and rebuild it`,
    )
  }
}

/** Why a projector lets a projection rest: another version of it is live. */
export class VersionNotLiveError extends ProjectionError {
  override readonly code = 'PROJECTIONS_VERSION_NOT_LIVE'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    readonly version: number,
    readonly liveVersion: number,
  ) {
    super(
      `projection "${projection}" is live at version ${liveVersion}, this code has version ${version}: ${
        liveVersion < version
          ? `run \`tidemark projections rebuild ${projection}\` to bring version ${version} live`
          : 'deploy the newer code'
      }`,
    )
  }
}

/** Thrown when another process rebuilds the same projection. */
export class RebuildRunningError extends ProjectionError {
  override readonly code = 'PROJECTIONS_REBUILD_RUNNING'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    readonly owner: string | undefined,
  ) {
    super(`projection "${projection}" is being rebuilt by ${owner ?? 'another process'}: wait until it is done`)
  }
}

/** Thrown when the finished table could not be switched in, because readers held the view through all tries; call again to go on. */
export class PromoteBlockedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_PROMOTE_BLOCKED'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    readonly tries: number,
    cause: unknown,
  ) {
    super(
      `the rebuilt table of projection "${projection}" could not be switched in, ${tries} tries met a lock: look for long transactions that read it in pg_stat_activity, then rebuild again, which goes on from here`,
      { cause },
    )
  }
}

/** Thrown when a projection has no table of the kind that was asked for: none that was built, or none that was live before. */
export class NoSuchTableError extends ProjectionError {
  override readonly code = 'PROJECTIONS_NO_SUCH_TABLE'
  constructor(
    readonly projection: string,
    readonly version: number,
    readonly status: string,
  ) {
    super(
      status === 'previous'
        ? `projection "${projection}" has no earlier table: nothing was live before, or a later rebuild dropped it`
        : `projection "${projection}" version ${version} has no table that waits to be promoted: build one with \`tidemark projections rebuild ${projection} --no-promote\``,
    )
  }
}

/** Thrown when a table of another version is to go live and does not come up to the live one: nobody with its code brings it forward. */
export class TableBehindError extends ProjectionError {
  override readonly code = 'PROJECTIONS_TABLE_BEHIND'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    readonly table: string,
    readonly version: number,
  ) {
    super(
      `table ${table} of projection "${projection}" is behind the live one, and this code cannot bring it forward: run a projector with version ${version}, or rebuild that version with its code`,
    )
  }
}

/** Thrown when two tables of a projection could not be brought to one position, so that their rows cannot be compared. */
export class NotComparableError extends ProjectionError {
  override readonly code = 'PROJECTIONS_NOT_COMPARABLE'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    reason: string,
  ) {
    super(`the tables of projection "${projection}" cannot be compared: ${reason}`)
  }
}

/** Thrown when a read model has no table yet, because no projector has started it. */
export class TableMissingError extends ProjectionError {
  override readonly code = 'PROJECTIONS_TABLE_MISSING'
  override readonly retryable = true
  constructor(readonly projection: string) {
    super(`projection "${projection}" has no table yet: start a projector, or rebuild it`)
  }
}

/** Thrown when the table of a read model changed otherwise than by its projector while it was compared with the log; call again. */
export class TableChangedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_TABLE_CHANGED'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    change: 'went back' | 'has other parked events',
  ) {
    super(`the table of projection "${projection}" ${change} since the verification began: verify it again`)
  }
}

/** Thrown when the history of a row cannot be told, because streams that may have touched it have lost their first events. */
export class HistoryTruncatedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_HISTORY_TRUNCATED'
  constructor(
    readonly projection: string,
    readonly key: string | number,
    /** The first ten of them. */
    readonly streamIds: readonly string[],
  ) {
    super(
      `the history of row "${key}" of projection "${projection}" is not complete, these streams were truncated: ${streamIds.join(', ')}. Say evenIfTruncated to fold what is left`,
    )
  }
}

/** Thrown when a handler failed on a batch of a replay; what it threw is the cause. The batches before are as they were left. */
export class ReplayFailedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_REPLAY_FAILED'
  constructor(
    readonly projection: string,
    /** The first and the last event of the batch, none of whose effects were kept. */
    readonly batch: { readonly from: bigint; readonly to: bigint },
    cause: unknown,
  ) {
    super(
      `the replay of "${projection}" failed in the batch of positions ${batch.from} to ${batch.to}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}

/** Thrown when something needs the position of a read model that a consumer group feeds, or another feeder wants it. */
export class ProjectionFedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_FED'
  constructor(
    readonly projection: string,
    readonly group: string,
  ) {
    super(
      `projection "${projection}" is fed by consumer group "${group}", so its rows are at offsets of topics and at no position of the log: stop the group's consumers, and rebuild the projection to hand it to a projector or to another group`,
    )
  }
}

/** Thrown when a consumer group is to feed a read model that a projector has, or that is paused or rebuilt: it has one feeder. */
export class ProjectionFollowedError extends ProjectionError {
  override readonly code = 'PROJECTIONS_FOLLOWED'
  override readonly retryable = true
  constructor(
    readonly projection: string,
    readonly owner: string | undefined,
  ) {
    super(
      owner === undefined
        ? `projection "${projection}" is paused, and no consumer group takes it over: resume it first`
        : `projection "${projection}" is followed by ${owner}: take it out of that projector or stop it, then start the consumer again, some seconds later where it was killed`,
    )
  }
}
