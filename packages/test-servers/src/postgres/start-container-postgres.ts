import { ServerUnavailableError } from '../test-servers-error.js'
import type { PostgresServer } from './start-postgres.js'

const image = 'postgres:18'

/**
 * Starts Postgres in a container of its own; the engine's reaper removes it when this process dies.
 *
 * @throws {ServerUnavailableError} no container engine answers.
 */
export async function startContainerPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  try {
    const container = await new GenericContainer(image)
      .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: 'trust' })
      .withExposedPorts(5432)
      .withCommand(['postgres', ...args])
      // The image starts a server for its set-up first, which says the same.
      .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
      .start()
    const url = `postgres://postgres@${container.getHost()}:${container.getMappedPort(5432)}/postgres`
    return { kind: 'container', url, directUrl: url, close: async () => void (await container.stop()) }
  } catch (cause) {
    const todo = 'start a container engine, or unset TIDEMARK_TEST_CONTAINERS to use the embedded binaries'
    throw new ServerUnavailableError('Postgres', `no container of ${image} could be started: ${todo}`, { cause })
  }
}
