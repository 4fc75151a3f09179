import { Agent, request } from 'node:http'
import { readFileSync } from 'node:fs'
import type { Run } from './harness.js'
import { startHttpServer } from './http-server-process.js'

/** The memory that a server has, in MB, once this many clients have streams of live rows open and nothing happens. */
export async function memoryOfIdleStreams(databaseUrl: string, streams: number, path: string): Promise<Run> {
  const server = await startHttpServer(databaseUrl, 'tidemark')
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  try {
    const open = () =>
      new Promise<void>((resolve, reject) => {
        const sent = request(`${server.url}${path}`, { agent, headers: { accept: 'text/event-stream' } }, (answer) => {
          if (answer.statusCode !== 200) return reject(new Error(`a stream was answered with ${answer.statusCode}`))
          answer.resume()
          resolve()
        })
        // The server ends them all in the end.
        sent.on('error', reject)
        sent.end()
      })
    await Promise.all(Array.from({ length: streams }, open))
    await new Promise((resolve) => setTimeout(resolve, 2000))
    return { count: residentBytes(server.pid) / 1024 / 1024, seconds: 1 }
  } finally {
    agent.destroy()
    await server.close()
  }
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kilobytes === undefined) throw new Error(`the memory of process ${pid} cannot be read`)
  return Number(kilobytes) * 1024
}
