import type { ServerOptions } from '@tidemark/api'
import type { BridgeDefinition, ConsumerDefinition, RegistryFormat } from '@tidemark/fanout'
import type {
  AnyAggregate,
  CheckSchemasOptions,
  EventStore,
  InlineEffects,
  PersonalDataOptions,
} from '@tidemark/eventstore'
import type { AnyProjection } from '@tidemark/projections'
import type { ClientBase } from 'pg'

/** What `tidemark.config.ts` says; the command line and the environment override it. */
export interface TidemarkConfig {
  readonly database?: {
    /** Where the store is; `DATABASE_URL` overrides it, and is the better place for a password. */
    readonly url?: string
    /** The schema of the store, `tidemark` unless said. */
    readonly schema?: string
  }
  /** Where the read models are, if in another database than the log; `tidemark db migrate` prepares it. */
  readonly readModels?: {
    /** Its URL; `READ_MODELS_URL` overrides it, and is the better place for a password. */
    readonly url?: string
    /** The schema there, the same name as that of the store unless said. */
    readonly schema?: string
  }
  readonly aggregates: readonly AnyAggregate[]
  readonly projections?: readonly AnyProjection[]
  /** Which of them appends keep up to date: `inlineProjections([orderSummary])`. Every other program that appends must say the same. */
  readonly inline?: InlineEffects
  readonly bridges?: readonly BridgeDefinition[]
  /** The consumers of Kafka topics that `tidemark start` runs and `tidemark consumers` works with. */
  readonly consumers?: readonly ConsumerDefinition[]
  /**
   * Makes the tables that handlers and consumers of the project write to, where they are missing, in the database of the log. `tidemark db migrate` and
   * `tidemark dev` call it each time, in a transaction of its own.
   */
  readonly ownTables?: (transaction: ClientBase) => Promise<void>
  readonly kafka?: {
    /** `host:port` of some brokers; `KAFKA_BROKERS` overrides it. */
    readonly brokers?: readonly string[]
  }
  /** Publishes the events of all bridges by the schemas of a registry; as plain JSON without it. */
  readonly schemaRegistry?: RegistryFormat & {
    /** `SCHEMA_REGISTRY_URL` overrides it; `SCHEMA_REGISTRY_USERNAME` and `SCHEMA_REGISTRY_PASSWORD` say who asks. */
    readonly url?: string
    /** Whether bridges register schemas when they start; true unless said. Else `tidemark schemas check --registry --register` does. */
    readonly register?: boolean
  }
  /** How its API is served: who may send what, and what else `createServer` takes. */
  readonly api?: ApiConfig
  /** Lets `tidemark start` refuse to run with schemas of events that do not fit the log; it does not look unless this is given. */
  readonly schemas?: CheckSchemasOptions
  /** Where the keys of data subjects are kept, and what wraps them; take a master key from the environment. */
  readonly personalData?: PersonalDataOptions
  /** Fills an empty store with demo data for `tidemark dev`; called again when it was interrupted, so its commands need ids. */
  readonly seed?: (store: EventStore) => Promise<unknown>
  /** What `tidemark dev` prints for people to try, with the address of the API. */
  readonly tryThese?: (url: string) => readonly string[]
}

/** How the API of a project is served; take tokens and secrets from the environment. */
export interface ApiConfig extends Pick<
  ServerOptions,
  | 'authentication'
  | 'allowUnauthenticated'
  | 'commandRules'
  | 'allowedOrigins'
  | 'rateLimit'
  | 'trustProxy'
  | 'cursorSecret'
  | 'live'
  | 'info'
> {
  /** 4400 unless said; `PORT` overrides it. */
  readonly port?: number
  /** 127.0.0.1 unless said. */
  readonly host?: string
  /** Whether the admin API is there; it is, unless nobody is asked who they are although other machines reach it. */
  readonly admin?: boolean
  /** Serves figures for Prometheus at `/metrics`; needs `prom-client`, and is off unless said. */
  readonly metrics?: true
}

/**
 * Gives a configuration its type; the default export of `tidemark.config.ts`.
 *
 * @example
 * export default defineConfig({ aggregates: [Order], projections: [orderSummary], seed: seedOrders })
 */
export function defineConfig(config: TidemarkConfig): TidemarkConfig {
  return config
}
