import {
  PayloadUnreadableError,
  SchemaNotRegisteredError,
  SchemaRefusedError,
  SchemaRegistryRequestError,
} from './errors.js'
import { isAnswer, registryRequests, type RegistryConnection, type SendToRegistry } from './registry-request.js'

/** A schema as a registry keeps it. */
export interface RegistrySchema {
  readonly schemaType: 'AVRO' | 'JSON'
  /** Its text. */
  readonly schema: string
}

/** What a registry checks when another schema is registered under a subject. */
export type RegistryCompatibility =
  'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FORWARD' | 'FORWARD_TRANSITIVE' | 'FULL' | 'FULL_TRANSITIVE' | 'NONE'

/** How a schema stands to those under its subject. */
export interface CompatibilityAnswer {
  /** `new`: there is no such subject yet. */
  readonly status: 'new' | 'compatible' | 'incompatible'
  /** What is incompatible, as the registry says it; empty otherwise. */
  readonly reasons: readonly string[]
}

/**
 * Connects to a schema registry with Confluent's REST API, such as Confluent's, Karapace, or Apicurio under `/apis/ccompat/v7`.
 *
 * Nothing is sent yet. Keep one for the whole program: it remembers ids and schemas, which never change in a registry.
 *
 * @throws {BridgeConfigurationError} the address is unusable.
 *
 * @example
 * const registry = createSchemaRegistryClient({ url: 'http://127.0.0.1:8081' })
 * const id = await registry.register('shop.orders-value', { schemaType: 'AVRO', schema: '"string"' })
 */
export function createSchemaRegistryClient(connection: RegistryConnection): SchemaRegistryClient {
  return new SchemaRegistryClient(registryRequests(connection))
}

/**
 * A schema registry.
 *
 * Every method may throw {@link SchemaRegistryUnavailableError}, after the retries, and {@link SchemaRegistryRequestError}.
 */
export class SchemaRegistryClient {
  private readonly ids = new Map<string, Promise<number>>()
  private readonly schemas = new Map<number, Promise<RegistrySchema>>()

  /** @internal Use {@link createSchemaRegistryClient}. */
  constructor(private readonly send: SendToRegistry) {}

  /**
   * Registers a schema under a subject and returns its id; one that is there already keeps its id, whatever came after it.
   *
   * @throws {SchemaRefusedError} it is invalid, or incompatible with those before it.
   */
  register(subject: string, schema: RegistrySchema): Promise<number> {
    return remembered(this.ids, keyOf(subject, schema), async () => {
      try {
        return idOf(await this.send({ method: 'POST', path: ['subjects', subject, 'versions'], body: schema }))
      } catch (error) {
        throw refusedOr(error, subject)
      }
    })
  }

  /**
   * The id of a schema that was registered under a subject.
   *
   * @throws {SchemaNotRegisteredError} it was not.
   */
  idOf(subject: string, schema: RegistrySchema): Promise<number> {
    return remembered(this.ids, keyOf(subject, schema), async () => {
      try {
        return idOf(await this.send({ method: 'POST', path: ['subjects', subject], body: schema }))
      } catch (error) {
        throw isMissing(error) ? new SchemaNotRegisteredError(subject) : refusedOr(error, subject)
      }
    })
  }

  /** The schema with an id; a registry leaves out the type of Avro. */
  schemaOf(id: number): Promise<RegistrySchema> {
    return remembered(this.schemas, id, async () => {
      const answer = await this.send({ path: ['schemas', 'ids', String(id)] })
      const { schema, schemaType = 'AVRO' } = isAnswer(answer) ? answer : {}
      if (typeof schema === 'string' && (schemaType === 'AVRO' || schemaType === 'JSON')) return { schemaType, schema }
      throw new PayloadUnreadableError(`its schema ${id} is of type ${JSON.stringify(schemaType)}, not AVRO or JSON`)
    })
  }

  /**
   * Whether a schema could be registered under a subject now; registers nothing.
   *
   * @throws {SchemaRefusedError} it is invalid.
   */
  async checkCompatibility(subject: string, schema: RegistrySchema): Promise<CompatibilityAnswer> {
    let answer: unknown
    try {
      const path = ['compatibility', 'subjects', subject, 'versions']
      answer = await this.send({ method: 'POST', path, query: 'verbose=true', body: schema })
    } catch (error) {
      if (isMissing(error)) return { status: 'new', reasons: [] }
      throw refusedOr(error, subject)
    }
    const { is_compatible: isCompatible, messages, reason } = isAnswer(answer) ? answer : {}
    if (isCompatible === true) return { status: 'compatible', reasons: [] }
    return { status: 'incompatible', reasons: reasonsOf(messages ?? reason) }
  }

  /** What is checked under a subject, or under every subject without a setting of its own. */
  async compatibility(subject?: string): Promise<RegistryCompatibility> {
    try {
      const answer = await this.send({ path: subject === undefined ? ['config'] : ['config', subject] })
      return (isAnswer(answer) ? answer['compatibilityLevel'] : undefined) as RegistryCompatibility
    } catch (error) {
      if (subject === undefined || !isMissing(error)) throw error
      return this.compatibility()
    }
  }

  /** Sets what is checked under a subject, or under every subject without a setting of its own. */
  async setCompatibility(compatibility: RegistryCompatibility, subject?: string): Promise<void> {
    const path = subject === undefined ? ['config'] : ['config', subject]
    await this.send({ method: 'PUT', path, body: { compatibility } })
  }
}

/** What was found once is true for ever; what failed is asked again. */
function remembered<K, V>(known: Map<K, Promise<V>>, key: K, ask: () => Promise<V>): Promise<V> {
  const before = known.get(key)
  if (before) return before
  const asked = ask()
  known.set(key, asked)
  asked.catch(() => known.delete(key))
  return asked
}

function keyOf(subject: string, { schemaType, schema }: RegistrySchema): string {
  return JSON.stringify([subject, schemaType, schema])
}

function idOf(answer: unknown): number {
  const id = isAnswer(answer) ? answer['id'] : undefined
  if (typeof id === 'number') return id
  throw new SchemaRegistryRequestError(200, undefined, 'a schema', 'and no id')
}

/** An unknown subject, version or schema: 40401, 40402, 40403; not a path that the server does not have, which says 404. */
function isMissing(error: unknown): boolean {
  return error instanceof SchemaRegistryRequestError && error.status === 404 && (error.errorCode ?? 0) > 404
}

function refusedOr(error: unknown, subject: string): unknown {
  if (!(error instanceof SchemaRegistryRequestError)) return error
  return error.status === 409 || error.status === 422 ? new SchemaRefusedError(subject, [error.said]) : error
}

/** Confluent's registry tells the schemas again, after the places that matter. */
function reasonsOf(said: unknown): string[] {
  const lines = (Array.isArray(said) ? said : [said]).filter((line) => typeof line === 'string')
  const places = lines.filter((line) => /errorType/.test(line))
  if (places.length > 0) return places
  return lines.length > 0 ? lines : ['the registry does not say why']
}
