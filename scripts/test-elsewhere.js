// Runs tests on another server than the embedded one: node scripts/test-elsewhere.js <postgres-15 | pgbouncer> [arguments of vitest]
//
// postgres-15: the oldest Postgres that is supported, as Debian packages it.
// pgbouncer: Debian's pgbouncer in transaction mode with two connections to the server, before the embedded Postgres.
//
// As root on Debian, what is missing is installed first. The servers run as an unprivileged user on free ports, in temporary
// folders, and end with this program. Kafka and whole programs are not tested again here: they see no difference.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedPostgres, startPgbouncer } from '@tidemark/test-servers'
import { repositoryRoot } from './lint/workspaces.js'

const settings = { max_connections: '300', shared_buffers: '256MB' }

const elsewhere = {
  'postgres-15': {
    projects: [
      '@tidemark/migrations',
      '@tidemark/eventstore',
      '@tidemark/projections',
      '@tidemark/api',
      '@tidemark/testing',
    ],
    package: 'postgresql-15',
    program: '/usr/lib/postgresql/15/bin/postgres',
    async start() {
      const postgres = await startEmbeddedPostgres({ installation: '/usr/lib/postgresql/15', settings })
      return { env: { TEST_DATABASE_URL: postgres.url }, close: () => postgres.close() }
    },
  },
  pgbouncer: {
    projects: ['@tidemark/eventstore', '@tidemark/projections', '@tidemark/testing'],
    package: 'pgbouncer',
    program: '/usr/sbin/pgbouncer',
    async start() {
      const postgres = await startEmbeddedPostgres({ settings: { ...settings, io_method: 'sync' } })
      const pooler = await startPgbouncer({ target: postgres.directUrl, poolSize: 2 })
      console.log(`pgbouncer ${pooler.version} in transaction mode, 2 connections per database`)
      return {
        env: { TEST_DATABASE_URL: pooler.url, TEST_DIRECT_DATABASE_URL: postgres.directUrl },
        async close() {
          await pooler.close()
          await postgres.close()
        },
      }
    },
  },
}

/** Installs one of Debian's packages. Its own server is not started, and makes no cluster. */
function install(name) {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(`The package ${name} is missing: install it, or run this as root on Debian.`)
    process.exit(2)
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const run = (command) =>
    spawnSync('sh', ['-c', command], { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
  const get = `apt-get install -y -q --no-install-recommends ${name}`
  if (run(get) || (run('apt-get update -q') && run(get))) return
  console.error(`The package ${name} could not be installed: the messages of apt-get are above.`)
  process.exit(2)
}

function runVitest(args, env) {
  const vitest = spawn(process.execPath, [join(repositoryRoot, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: repositoryRoot,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  // A signal to the whole group reaches the tests too; the servers are stopped once these have ended.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => vitest.kill(signal))
  return new Promise((resolve, reject) => vitest.once('error', reject).once('close', (code) => resolve(code ?? 1)))
}

const [name, ...args] = process.argv.slice(2)
const server = Object.hasOwn(elsewhere, name ?? '') ? elsewhere[name] : undefined
if (!server) {
  console.error(`usage: node scripts/test-elsewhere.js <${Object.keys(elsewhere).join(' | ')}> [arguments of vitest]`)
  process.exit(2)
}
if (!existsSync(server.program)) install(server.package)
const running = await server.start()
try {
  const projects = args.includes('--project') ? [] : server.projects.flatMap((project) => ['--project', project])
  process.exitCode = await runVitest([...projects, ...args], running.env)
} finally {
  await running.close()
}
