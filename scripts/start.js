// Runs the example of this checkout: npm start [-- arguments of `tidemark dev`]
//
// Builds what has changed first. With --kafka and no KAFKA_BROKERS it starts a broker, too, which ends with it.
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stopWithNpm } from './lib/watch-ancestors.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const args = process.argv.slice(2)
process.chdir(root)

function build() {
  process.stderr.write('building what has changed …\n')
  const turbo = ['scripts/turbo.js', 'run', 'build', '--filter=@tidemark/cli...', '--output-logs=errors-only']
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, turbo, { cwd: root, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}error: the build failed${signal ? ` by ${signal}` : ''}: see above\n`)
  process.exit(status ?? 1)
}

/** A broker for as long as this process lives. */
async function startKafka() {
  const servers = await import('@tidemark/test-servers')
  process.stderr.write('starting Kafka …\n')
  const kafka = await servers.startKafka()
  if (kafka.kind !== 'unavailable') return kafka
  process.stderr.write(`error: --kafka needs a Kafka, and ${kafka.reason}\n`)
  process.exit(2)
}

build()
const kafka = args.includes('--kafka') ? await startKafka() : undefined
if (kafka) process.env.KAFKA_BROKERS = kafka.bootstrapServers
stopWithNpm()
try {
  // In this process, so that signals, exit code and terminal are those of the command itself.
  const { main } = await import(new URL('../packages/cli/dist/main.js', import.meta.url).href)
  process.exitCode = await main(['dev', ...args])
} finally {
  await kafka?.close()
}
