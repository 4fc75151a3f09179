import { freePort } from '@tidemark/test-servers'
import { afterAll, beforeAll } from 'vitest'
import { runCli, startCli, type CliResult, type RunningCli, type RunOptions } from './run-cli.js'

const token = 'a-token-of-an-administrator-for-tests'

export interface ServerOfProject {
  /** Runs a verb that asks the server, and knows nothing of the database. */
  through(args: readonly string[]): Promise<CliResult>
  /** Runs it in the project's database, and through the server, and parses what both print as JSON. */
  both(args: readonly string[]): Promise<readonly [direct: unknown, through: unknown]>
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
  const through = (args: readonly string[]) =>
    runCli([...args, '--server', url], { cwd: '/', env: { TIDEMARK_TOKEN: token } })
  const parsed = ({ code, stdout, stderr }: CliResult) => {
    if (stdout === '') throw new Error(`ended with ${code}, without data: ${stderr}`)
    return { code, ...(JSON.parse(stdout) as object) }
  }
  return {
    through,
    both: async (args) => {
      const [direct, asked] = await Promise.all([
        runCli([...args, '-o', 'json'], inProject({ DATABASE_URL: databaseUrl() })),
        through([...args, '-o', 'json']),
      ])
      return [parsed(direct), parsed(asked)]
    },
  }
}
