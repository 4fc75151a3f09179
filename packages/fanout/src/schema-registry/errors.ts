import { FanoutError } from '../errors.js'

/** Thrown when a schema registry does not answer, or answers that it cannot at the moment. */
export class SchemaRegistryUnavailableError extends FanoutError {
  override readonly code = 'FANOUT_SCHEMA_REGISTRY_UNAVAILABLE'
  override readonly retryable = true
  constructor(
    readonly url: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`the schema registry at ${url} does not answer: ${reason}. Check the address and that it runs`, options)
  }
}

/** Thrown when a schema registry answers a request with an error that is not about a schema: no rights, an unknown id, no registry at all. */
export class SchemaRegistryRequestError extends FanoutError {
  override readonly code = 'FANOUT_SCHEMA_REGISTRY_REQUEST'
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The registry's own code, such as 40401; undefined where it gave none. */
    readonly errorCode: number | undefined,
    request: string,
    /** What the registry said. */
    readonly said: string,
  ) {
    super(`the schema registry answers ${request} with ${status} ${said}`)
  }
}

/** Thrown when a registry does not take a schema: it is invalid, or does not go together with those before it. */
export class SchemaRefusedError extends FanoutError {
  override readonly code = 'FANOUT_SCHEMA_REFUSED'
  constructor(
    readonly subject: string,
    /** What the registry said, one line for each place. */
    readonly reasons: readonly string[],
  ) {
    super(
      `the schema registry refuses the schema for subject "${subject}": ${reasons.join('; ')}. Change it so that its consumers can read it, publish it as another event type, or lower the subject's compatibility`,
    )
  }
}

/** Thrown when a schema is not in the registry, and may not be registered by who needs it. */
export class SchemaNotRegisteredError extends FanoutError {
  override readonly code = 'FANOUT_SCHEMA_NOT_REGISTERED'
  constructor(readonly subject: string) {
    super(
      `the schema registry does not have this schema under subject "${subject}": register it with "tidemark schemas check --registry <url> --register" before the program starts`,
    )
  }
}

/** Thrown when an event's schema cannot be said in Avro; found when the program starts. */
export class SchemaNotExpressibleError extends FanoutError {
  override readonly code = 'FANOUT_SCHEMA_NOT_EXPRESSIBLE'
  constructor(
    /** `order.OrderPlaced`. */
    readonly event: string,
    /** The JSON path of the data: `$.items[].price`. */
    readonly path: string,
    readonly reason: string,
  ) {
    super(`event ${event}: ${path} cannot be expressed in Avro: ${reason}`)
  }
}

/** Thrown when a record's value is not what its schema says, or is not in the wire format of schema registries. */
export class PayloadUnreadableError extends FanoutError {
  override readonly code = 'FANOUT_PAYLOAD_UNREADABLE'
  constructor(reason: string, options?: ErrorOptions) {
    super(`the value cannot be read: ${reason}`, options)
  }
}

/** A value that does not fit the schema that it is to be written by. */
export class ValueMisfitError extends FanoutError {
  override readonly code = 'FANOUT_VALUE_MISFIT'
  constructor(
    readonly path: string,
    reason: string,
  ) {
    super(`${path} ${reason}`)
  }
}
