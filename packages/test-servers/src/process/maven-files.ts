import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerUnavailableError } from '../test-servers-error.js'
import { runToEnd } from './run-to-end.js'
import { withFileLock } from './with-file-lock.js'

/** Files that Maven fetches on first use. */
export interface MavenFiles {
  /** What they are for, in the errors. */
  readonly server: string
  /** Their folder below `.cache` of this checkout, which git ignores. */
  readonly folder: string
  /** The elements `<dependency>` of what is needed. */
  readonly dependencies: readonly string[]
  /** `copy` the files as they are, or `unpack` an archive. */
  readonly how: 'copy' | 'unpack'
  /** How to do without the download. */
  readonly otherwise: string
}

/** What stands for one artifact in a pom; more elements may follow its version. */
export function mavenDependency(group: string, artifact: string, version: string, more = ''): string {
  return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${more}</dependency>`
}

/**
 * The folder of the files, downloaded by Maven on first use to `.cache/<folder>/lib` of this checkout.
 *
 * Processes that need them at once wait for one of them to download.
 *
 * @throws {ServerUnavailableError} there is no Maven, or no way to Maven Central.
 */
export async function mavenFiles(files: MavenFiles): Promise<string> {
  const folder = cacheFolder(files)
  const lib = join(folder, 'lib')
  const pom = pomOf(files)
  const complete = async () =>
    existsSync(lib) && (await readFile(join(folder, 'pom.xml'), 'utf8').catch(() => '')) === pom
  if (!(await complete())) {
    await mkdir(folder, { recursive: true })
    await withFileLock(join(folder, 'lock'), async () => {
      if (await complete()) return
      await rm(lib, { recursive: true, force: true })
      await writeFile(join(folder, 'pom.xml'), pom)
      await download(folder, files)
    })
  }
  return lib
}

async function download(folder: string, { server, how, otherwise }: MavenFiles): Promise<void> {
  // Renamed when complete, so that an interrupted download is never mistaken for a finished one.
  const unfinished = await mkdtemp(join(folder, 'unfinished-'))
  try {
    const goal = `org.apache.maven.plugins:maven-dependency-plugin:3.8.1:${how}-dependencies`
    const options = ['-q', '-B', goal, '-DincludeScope=runtime', `-DoutputDirectory=${unfinished}`]
    await runToEnd('mvn', options, { cwd: folder, timeoutMs: 600_000 })
    // A temporary folder is private, but another user of this checkout may run the tests, too.
    await chmod(unfinished, 0o755)
    await rename(unfinished, join(folder, 'lib'))
  } catch (cause) {
    const todo = `install Maven and see that it reaches Maven Central, or ${otherwise}`
    throw new ServerUnavailableError(server, `its files could not be downloaded: ${todo}`, { cause })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

function pomOf({ folder, dependencies }: MavenFiles): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.tidemark</groupId>
  <artifactId>${dirname(folder)}-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${dependencies.join('\n')}
  </dependencies>
</project>
`
}

/** Found from here upwards, from sources and from `dist` alike. */
function cacheFolder({ server, folder: name }: MavenFiles): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package-lock.json'))) return join(folder, '.cache', name)
  }
  throw new ServerUnavailableError(server, `there is no package-lock.json above ${start}: run it from a checkout`)
}
