import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runToEnd } from '../process/run-to-end.js'
import { ServerUnavailableError } from '../test-servers-error.js'
import { withFileLock } from '../process/with-file-lock.js'

/** The version of Apache Kafka that the tests run. */
export const kafkaVersion = '4.1.1'

const dependency = (group: string, artifact: string, version: string) =>
  `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.tidemark</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', kafkaVersion)}
${dependency('org.apache.kafka', 'kafka-tools', kafkaVersion)}
${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}
  </dependencies>
</project>
`

/** The folder of this checkout, which git ignores; found from here upwards, from sources and from `dist` alike. */
function cacheFolder(): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package-lock.json'))) return join(folder, '.cache/kafka', kafkaVersion)
  }
  throw new ServerUnavailableError('Kafka', `there is no package-lock.json above ${start}: run it from a checkout`)
}

/**
 * The Java program to use: that of `JAVA_HOME`, else the one on the path.
 *
 * @throws {ServerUnavailableError} there is none, or it is older than 17.
 */
async function findJava(): Promise<string> {
  const home = process.env['JAVA_HOME']
  const java = home ? join(home, 'bin/java') : 'java'
  const todo = 'install Java 17 or later, or set KAFKA_BROKERS to a running broker'
  let banner: string
  try {
    banner = (await runToEnd(java, ['-version'])).stderr
  } catch (cause) {
    throw new ServerUnavailableError('Kafka', `${java} does not run: ${todo}`, { cause })
  }
  const [, major] = /version "(?:1\.)?(\d+)/.exec(banner) ?? []
  if (Number(major) >= 17) return java
  throw new ServerUnavailableError('Kafka', `Java is at version ${major ?? 'unknown'}: ${todo}`)
}

async function download(folder: string): Promise<void> {
  await writeFile(join(folder, 'pom.xml'), pom)
  // Renamed when complete, so that an interrupted download is never mistaken for a finished one.
  const unfinished = await mkdtemp(join(folder, 'unfinished-'))
  try {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
    const options = ['-q', '-B', goal, '-DincludeScope=runtime', `-DoutputDirectory=${unfinished}`]
    await runToEnd('mvn', options, { cwd: folder, timeoutMs: 600_000 })
    // A temporary folder is private, but another user of this checkout may run the tests, too.
    await chmod(unfinished, 0o755)
    await rename(unfinished, join(folder, 'lib'))
  } catch (cause) {
    const todo = 'install Maven and see that it reaches Maven Central, or set KAFKA_BROKERS to a running broker'
    throw new ServerUnavailableError('Kafka', `its jars could not be downloaded: ${todo}`, { cause })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** What it takes to run a class of Kafka's. */
export interface KafkaJars {
  readonly java: string
  readonly classPath: string
}

/**
 * Java and Kafka's jars, downloaded by Maven on first use to `.cache/kafka/<version>/lib` of this checkout.
 *
 * Processes that need them at once wait for one of them to download.
 *
 * @throws {ServerUnavailableError} there is no Java 17, no Maven, or no way to Maven Central.
 */
export async function kafkaJars(): Promise<KafkaJars> {
  const java = await findJava()
  const folder = cacheFolder()
  const lib = join(folder, 'lib')
  const complete = async () =>
    existsSync(lib) && (await readFile(join(folder, 'pom.xml'), 'utf8').catch(() => '')) === pom
  if (!(await complete())) {
    await mkdir(folder, { recursive: true })
    await withFileLock(join(folder, 'lock'), async () => {
      if (await complete()) return
      await rm(lib, { recursive: true, force: true })
      await download(folder)
    })
  }
  return { java, classPath: join(lib, '*') }
}
