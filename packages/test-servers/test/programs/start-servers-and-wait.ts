// Run by tests as a process of its own, to be killed: prints what it started and waits for ever.
import { startEmbeddedPostgres, startLocalKafka } from '../../src/index.js'

const postgres = await startEmbeddedPostgres()
const kafka = process.argv.includes('--kafka') ? await startLocalKafka() : undefined
const pids = [postgres.pid, ...(kafka?.brokers.map(({ pid }) => pid) ?? [])]
process.stdout.write(`${JSON.stringify({ pids, url: postgres.url, dataDir: postgres.dataDir })}\n`)
if (process.argv.includes('--freeze')) postgres.signalAll('SIGSTOP')
