import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('programs/run-bridge.js', import.meta.url))

export interface BridgeProcessOptions {
  readonly url: string
  readonly brokers: string
  readonly schema: string
  /** Of the bridge and of its topic. */
  readonly name: string
}

/** What a bridge took from its `begin` to its end. */
export interface BridgeCosts {
  readonly cpuSeconds: number
  /** The most memory that the whole process had. */
  readonly bytes: number
}

/** A bridge in a process of its own, so that what it costs can be told from what feeds it. */
export class BridgeProcess {
  private readonly child
  private readonly lines: AsyncIterator<string>

  constructor({ url, brokers, schema, name }: BridgeProcessOptions) {
    this.child = spawn(process.execPath, [program, url, brokers, schema, name], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]()
  }

  /** Waits until it runs; what it costs is counted from here on. */
  async begin(): Promise<void> {
    this.child.stdin.write('begin\n')
    if ((await this.lines.next()).done) throw new Error('the bridge did not start')
  }

  async end(): Promise<BridgeCosts> {
    this.child.stdin.write('end\n')
    const line = await this.lines.next()
    if (line.done) throw new Error('the bridge ended too early')
    return JSON.parse(line.value) as BridgeCosts
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await ended
  }
}
