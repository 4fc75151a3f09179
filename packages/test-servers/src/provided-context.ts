/** What the global set-ups provide to the tests, by `inject` of vitest. */
export interface SharedServers {
  /** The maintenance database of the run's Postgres; make databases of your own with `createTestDatabase`. */
  postgresUrl: string
  /** The same without a pooler. */
  postgresDirectUrl: string
  /** A part of the names of all databases of this run. */
  postgresRunId: string
  /** The bootstrap servers of the run's Kafka; undefined when there is none. */
  kafkaBrokers: string | undefined
  /** Why there is no Kafka; undefined when there is one. */
  kafkaUnavailable: string | undefined
}

declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- merging is how vitest learns of provided values
  export interface ProvidedContext extends SharedServers {}
}
