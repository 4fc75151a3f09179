import { freePort } from '@tidemark/test-servers'
import { afterAll, beforeAll } from 'vitest'
import { runHere } from './run-here.js'
import { runCli, startCli, type CliResult, type RunningCli, type RunOptions } from './run-cli.js'

const token = 'a-token-of-an-administrator-for-tests'

export interface ServerOfProject {
  /** Runs a verb that asks the server, and knows nothing of the database and the project; as an admin unless a token is given. */
  readonly through: (args: readonly string[], as?: string) => Promise<CliResult>
  /** Starts a verb that asks the server in a process of its own. */
  readonly start: (args: readonly string[]) => RunningCli
  /** Runs a verb in the project, and its database. */
  readonly direct: (args: readonly string[]) => Promise<CliResult>
  /** Runs it in the project's database, and through the server with more options, and parses what both print as JSON. */
  readonly both: (
    args: readonly string[],
    onlyThrough?: readonly string[],
  ) => Promise<readonly [direct: unknown, through: unknown]>
}

/** Starts the API of a project for a test file, and runs verbs with and without it. */
export function useServer(databaseUrl: () => string, { cwd, env }: RunOptions = {}, only = 'api'): ServerOfProject {
  let server: RunningCli | undefined
  let url = ''
  const inProject = (more: Readonly<Record<string, string>>): RunOptions => ({
    ...(cwd !== undefined && { cwd }),
    env: { ...env, ...more },
  })
  beforeAll(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const own = { DATABASE_URL: databaseUrl(), PORT: String(port), TEST_ADMIN_TOKEN: token }
    server = startCli(['start', '--only', only], inProject(own))
    await server.until(/"msg":"running"/)
  })
  afterAll(async () => {
    server?.child.kill('SIGTERM')
    await server?.ended
  })
  const through = (args: readonly string[], as = token) => runHere([...args, '--server', url], { TIDEMARK_TOKEN: as })
  const direct = (args: readonly string[]) => runCli(args, inProject({ DATABASE_URL: databaseUrl() }))
  const parsed = ({ code, stdout, stderr }: CliResult) => {
    if (stdout === '') throw new Error(`ended with ${code}, without data: ${stderr}`)
    return { code, ...(JSON.parse(stdout) as object) }
  }
  return {
    through,
    start: (args) => startCli([...args, '--server', url], { cwd: '/', env: { TIDEMARK_TOKEN: token } }),
    direct,
    both: async (args, onlyThrough = []) => {
      const [own, asked] = await Promise.all([
        direct([...args, '-o', 'json']),
        through([...args, '-o', 'json', ...onlyThrough]),
      ])
      return [parsed(own), parsed(asked)]
    },
  }
}
