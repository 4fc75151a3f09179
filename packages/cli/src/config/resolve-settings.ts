import type { EventStoreOptions, InlineEffects, PersonalDataOptions } from '@tidemark/eventstore'
import type { RegistryConnection } from '@tidemark/fanout'
import { checkSchemaName, defaultSchema } from '@tidemark/migrations'
import { readDevState } from '../dev-database/dev-state.js'
import { ConfigError, UsageError } from '../errors.js'
import type { TidemarkConfig } from '../define-config.js'
import type { LoadedConfig } from './load-config.js'

/** What was said on the command line. */
export interface SettingFlags {
  readonly port?: string | undefined
  readonly host?: string | undefined
}

/** Where the programs connect to and listen, after flag > environment > file. */
export interface Settings {
  readonly database: { readonly url: string; readonly from: DatabaseOrigin } | undefined
  readonly schema: string
  /** Undefined where the read models are in the database of the log. */
  readonly readModels: (NonNullable<Settings['database']> & { readonly schema: string }) | undefined
  readonly host: string
  readonly port: number
  /** Empty where no Kafka was named. */
  readonly brokers: readonly string[]
  readonly registry: RegistryConnection | undefined
  readonly personalData: PersonalDataOptions | undefined
  readonly inline: InlineEffects | undefined
}

export type DatabaseOrigin = 'DATABASE_URL' | 'READ_MODELS_URL' | 'configuration file' | 'tidemark dev'

/**
 * Puts flags, environment and configuration file together; the database of a running `tidemark dev` comes last.
 *
 * @throws {UsageError} a port is no port. @throws {ConfigError} a URL or a name is unusable.
 */
export function resolveSettings(
  { config, folder }: LoadedConfig,
  environment: NodeJS.ProcessEnv,
  flags: SettingFlags = {},
): Settings {
  const { DATABASE_URL, READ_MODELS_URL, KAFKA_BROKERS, PORT } = environment
  return {
    database: databaseOf(DATABASE_URL, config.database?.url, folder),
    schema: schemaOf(config.database?.schema, 'database.schema'),
    readModels: readModelsOf(config, READ_MODELS_URL),
    host: flags.host ?? config.api?.host ?? '127.0.0.1',
    port: flags.port
      ? portOf(flags.port, '--port')
      : PORT
        ? portOf(PORT, 'PORT')
        : portOf(String(config.api?.port ?? 4400), 'api.port'),
    brokers: KAFKA_BROKERS ? brokersOf(KAFKA_BROKERS) : (config.kafka?.brokers ?? []),
    registry: registryOf(environment, config.schemaRegistry?.url),
    personalData: config.personalData,
    inline: config.inline,
  }
}

/** What every store of the project is opened with. */
export function storeOptionsOf({ schema, personalData, inline }: Settings): EventStoreOptions {
  return { schema, ...(personalData && { personalData }), ...(inline && { inline }) }
}

function registryOf(environment: NodeJS.ProcessEnv, fromFile: string | undefined): RegistryConnection | undefined {
  const { SCHEMA_REGISTRY_URL, SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD: password } = environment
  const url = SCHEMA_REGISTRY_URL ? SCHEMA_REGISTRY_URL : fromFile
  if (!url) return undefined
  return { url, ...(username && { auth: { username, password: password ?? '' } }) }
}

function databaseOf(fromEnvironment: string | undefined, fromFile: string | undefined, folder: string) {
  if (fromEnvironment) return { url: checkUrl(fromEnvironment, 'DATABASE_URL'), from: 'DATABASE_URL' as const }
  if (fromFile) return { url: checkUrl(fromFile, 'database.url'), from: 'configuration file' as const }
  const running = readDevState(folder)
  return running?.databaseUrl === undefined ? undefined : { url: running.databaseUrl, from: 'tidemark dev' as const }
}

function readModelsOf(
  { database, readModels }: TidemarkConfig,
  fromEnvironment: string | undefined,
): Settings['readModels'] {
  const schema = schemaOf(readModels?.schema ?? database?.schema, 'readModels.schema')
  if (fromEnvironment) return { url: checkUrl(fromEnvironment, 'READ_MODELS_URL'), from: 'READ_MODELS_URL', schema }
  if (readModels?.url) return { url: checkUrl(readModels.url, 'readModels.url'), from: 'configuration file', schema }
  if (readModels === undefined) return undefined
  throw new ConfigError('readModels says no database: set READ_MODELS_URL, or readModels.url')
}

function checkUrl(url: string, where: string): string {
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return url
  throw new ConfigError(`${where} is not a Postgres URL: write it as postgres://user:password@host:5432/database`)
}

function schemaOf(schema: string = defaultSchema, where: string): string {
  try {
    return checkSchemaName(schema)
  } catch (cause) {
    throw new ConfigError(`${where}: ${(cause as Error).message}`, { cause })
  }
}

function portOf(text: string, where: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new UsageError(`${where} is ${JSON.stringify(text)}: a port is a whole number up to 65535`)
}

function brokersOf(text: string): string[] {
  const brokers = text
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '')
  const wrong = brokers.find((broker) => !/^[^\s:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i.test(broker))
  if (wrong !== undefined) throw new UsageError(`KAFKA_BROKERS: "${wrong}" is not an address: write it as host:9092`)
  return brokers
}
