import { ServerUnavailableError } from '../test-servers-error.js'
import { runToEnd } from './run-to-end.js'

/**
 * The Java program to use: that of `JAVA_HOME`, else the one on the path.
 *
 * @throws {ServerUnavailableError} there is none, or it is older than 17.
 */
export async function findJava(server: string, otherwise: string): Promise<string> {
  const home = process.env['JAVA_HOME']
  const java = home ? `${home}/bin/java` : 'java'
  const todo = `install Java 17 or later, or ${otherwise}`
  let banner: string
  try {
    banner = (await runToEnd(java, ['-version'])).stderr
  } catch (cause) {
    throw new ServerUnavailableError(server, `${java} does not run: ${todo}`, { cause })
  }
  const [, major] = /version "(?:1\.)?(\d+)/.exec(banner) ?? []
  if (Number(major) >= 17) return java
  throw new ServerUnavailableError(server, `Java is at version ${major ?? 'unknown'}: ${todo}`)
}
