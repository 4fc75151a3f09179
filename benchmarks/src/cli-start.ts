import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { repeat, type Contender } from './harness.js'

const cli = fileURLToPath(new URL('../bin/tidemark.js', import.meta.resolve('@tidemark/cli')))

/** From the start of a process to the first that it prints. */
export const cliStart: readonly Contender[] = [
  {
    name: 'node that prints a line',
    unit: 'starts',
    run: (milliseconds) => starts(milliseconds, ['-e', 'console.log(1)']),
  },
  {
    name: 'tidemark --help',
    unit: 'starts',
    against: 'node that prints a line',
    run: (milliseconds) => starts(milliseconds, [cli, '--help']),
  },
]

function starts(milliseconds: number, args: readonly string[]) {
  return repeat(1, milliseconds, async () => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill()
    await once(child, 'exit')
    return 1
  })
}
