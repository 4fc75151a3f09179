import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findJava } from '../process/find-java.js'
import { freePort } from '../process/free-port.js'
import { mavenDependency, mavenFiles } from '../process/maven-files.js'
import { startServerProcess } from '../process/server-process.js'
import { tailOfFile } from '../process/tail-of-file.js'
import { ServerStartError, ServerUnavailableError } from '../test-servers-error.js'

/** The last version of Apicurio Registry that runs on Java 17; it keeps everything in memory. */
const apicurioVersion = '2.6.13.Final'
const name = 'the schema registry'
const otherwise = 'set SCHEMA_REGISTRY_URL to a running one'
const readyTimeoutMs = 120_000

/** A schema registry with Confluent's REST API; subjects are shared where it is external, so give them unique names. */
export interface SchemaRegistryServer {
  readonly kind: 'external' | 'local'
  /** What clients are given. */
  readonly url: string
  /** Ends it; everything that was registered is gone. */
  close(): Promise<void>
}

/** Says why this machine has no schema registry, so that tests can be skipped with a reason. */
export interface SchemaRegistryUnavailable {
  readonly kind: 'unavailable'
  readonly reason: string
}

/**
 * Starts a real schema registry, or takes the one that `SCHEMA_REGISTRY_URL` names: Apicurio Registry from Maven Central, 140 MB on
 * first use, at 127.0.0.1: about 6 seconds on two cores.
 *
 * It checks `BACKWARD` unless told otherwise, as Confluent's does. It ends with this process, even when that is ended by SIGKILL.
 *
 * @throws {ServerUnavailableError} there is no way to run one and `CI` is set: there the tests must not be skipped.
 * @throws {ServerStartError} it did not become ready; the error holds the end of its log.
 * @example
 * const registry = await startSchemaRegistry()
 * if (registry.kind === 'unavailable') console.warn(registry.reason)
 */
export async function startSchemaRegistry(): Promise<SchemaRegistryServer | SchemaRegistryUnavailable> {
  const external = process.env['SCHEMA_REGISTRY_URL']
  if (external) return { kind: 'external', url: external, close: () => Promise.resolve() }
  try {
    return await startApicurio()
  } catch (error) {
    const ci = process.env['CI']
    if (!(error instanceof ServerUnavailableError) || (ci && ci !== 'false' && ci !== '0')) throw error
    process.stderr.write(`\nThe tests that need a schema registry are skipped, because ${error.reason}\n\n`)
    return { kind: 'unavailable', reason: error.reason }
  }
}

async function startApicurio(): Promise<SchemaRegistryServer> {
  const java = await findJava(name, otherwise)
  const whole = '<type>tar.gz</type><classifier>all</classifier>'
  const alone = '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
  const lib = await mavenFiles({
    server: name,
    folder: `apicurio/${apicurioVersion}`,
    dependencies: [mavenDependency('io.apicurio', 'apicurio-registry-app', apicurioVersion, whole + alone)],
    how: 'unpack',
    otherwise,
  })
  for (let attempt = 1; ; attempt++) {
    try {
      return await startProcess(java, join(lib, `apicurio-registry-app-${apicurioVersion}-runner.jar`))
    } catch (error) {
      // Another process can take a free port before the registry does.
      const clash = error instanceof ServerStartError && /already in use|seems to be in use/.test(error.log)
      if (!clash || attempt === 5) throw error
    }
  }
}

async function startProcess(java: string, jar: string): Promise<SchemaRegistryServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-registry-'))
  const logFile = join(folder, 'registry.log')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  const machine = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const settings = ['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`]
  const server = await startServerProcess(java, [...machine, ...settings, '-jar', jar], {
    logFile,
    stopSignal: 'SIGKILL',
    temporaryFolders: [folder],
    cwd: folder,
  })
  const close = async (): Promise<void> => {
    server.signal('SIGKILL')
    await server.ended
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const deadline = performance.now() + readyTimeoutMs
  while (!(await answers(url))) {
    if (!server.running || performance.now() > deadline) {
      const log = await tailOfFile(logFile, 25)
      await close()
      throw new ServerStartError(name, 'did not become ready', log)
    }
    await sleep(100)
  }
  return { kind: 'local', url, close }
}

async function answers(url: string): Promise<boolean> {
  const body = JSON.stringify({ compatibility: 'BACKWARD' })
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const signal = AbortSignal.timeout(5000)
  const response = await fetch(`${url}/config`, { method: 'PUT', headers, body, signal }).catch(() => undefined)
  return response?.ok ?? false
}
