import { fileURLToPath } from 'node:url'
import { checkEvidence } from './checks/check-evidence.js'
import { UsageError } from './fault-lab-error.js'
import { readHistory } from './history/read-history.js'
import { parseArguments, usage } from './parse-arguments.js'
import { violationsAsText } from './report.js'
import { runLab } from './run-lab.js'

const historyFolder = fileURLToPath(new URL('../../.tidemark/faults', import.meta.url))
const print = (line: string) => void process.stdout.write(`${line}\n`)

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())

async function main(): Promise<number> {
  const request = parseArguments(process.argv.slice(2))
  switch (request.action) {
    case 'help':
      print(usage)
      return 0
    case 'check': {
      const evidence = await readHistory(request.folder)
      const verdict = checkEvidence(evidence, [])
      print(`${evidence.log.length} events, checked ${verdict.checked.join(', ')}`)
      if (verdict.violations.length > 0) print(violationsAsText(verdict))
      return verdict.violations.length > 0 ? 1 : 0
    }
    case 'run':
      return (await runLab(request, { historyFolder, print, signal: interrupted.signal })) ? 0 : 1
  }
}

/** No Postgres is a matter of the machine, as a wrong name is one of the command. */
function exitCodeOf(error: unknown): number {
  const unusable = error instanceof Error && error.name === 'ServerUnavailableError'
  return error instanceof UsageError || unusable ? 2 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.exitCode = exitCodeOf(error)
  const text = error instanceof Error && process.exitCode === 2 ? error.message : String(error)
  process.stderr.write(`${text}\n`)
}
