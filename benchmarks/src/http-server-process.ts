import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('programs/serve-orders.js', import.meta.url))

/** A server in a process of its own, so that what loads it takes nothing of its event loop. */
export interface HttpServerProcess {
  readonly url: string
  readonly pid: number
  close(): Promise<void>
}

export async function startHttpServer(databaseUrl: string, kind: 'tidemark' | 'bare'): Promise<HttpServerProcess> {
  const child = spawn(process.execPath, [program, databaseUrl, kind], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const line = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)])
  if (!line || child.pid === undefined) throw new Error(`the server "${kind}" did not start`)
  return {
    url: String(line[0]).trim(),
    pid: child.pid,
    close: async () => {
      child.stdin.end()
      await ended
    },
  }
}
