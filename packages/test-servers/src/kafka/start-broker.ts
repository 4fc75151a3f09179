import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServerProcess, type ServerProcess } from '../process/server-process.js'
import { tailOfFile } from '../process/tail-of-file.js'
import { ServerStartError } from '../test-servers-error.js'
import type { KafkaJars } from './kafka-jars.js'
import type { KafkaBroker } from './kafka-server.js'
import { quickStart } from './run-kafka-tool.js'

const readyTimeoutMs = 60_000
const readyLine = 'Kafka Server started'

/** What one broker is run with; its storage has been formatted. */
export interface BrokerFiles {
  readonly id: number
  readonly port: number
  readonly propertiesFile: string
  readonly logFile: string
  /** Deleted when this process dies without closing the cluster. */
  readonly temporaryFolder: string
}

async function textFrom(path: string, start: number): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, undefined, start)
    return buffer.subarray(0, bytesRead).toString()
  } finally {
    await file.close()
  }
}

/** A broker that is not yet running: `start` runs it and resolves when it accepts clients. */
export function createBroker({ java, classPath }: KafkaJars, files: BrokerFiles): KafkaBroker {
  const { id, port, propertiesFile, logFile, temporaryFolder } = files
  let server: ServerProcess | undefined

  return {
    id,
    port,
    logFile,
    get pid() {
      return server?.running ? server.pid : undefined
    },
    async start() {
      if (server?.running) return
      const logStart = (await textFrom(logFile, 0)).length
      const started = await startServerProcess(
        java,
        ['-Xmx384m', '-Xms128m', ...quickStart, '-cp', classPath, 'kafka.Kafka', propertiesFile],
        // An orderly shutdown waits for a majority of controllers that end at the same time.
        { logFile, stopSignal: 'SIGKILL', temporaryFolders: [temporaryFolder] },
      )
      server = started
      const deadline = performance.now() + readyTimeoutMs
      while (!(await textFrom(logFile, logStart)).includes(readyLine)) {
        if (!started.running || performance.now() > deadline) {
          started.signal('SIGKILL')
          throw new ServerStartError('Kafka', `broker ${id} did not become ready`, await tailOfFile(logFile, 25))
        }
        await sleep(50)
      }
    },
    async kill(signal) {
      const killed = server
      if (!killed?.running) return
      killed.signal(signal)
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await killed.ended
    },
  }
}
