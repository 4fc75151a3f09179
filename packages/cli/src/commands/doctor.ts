import type { Command } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import { openProject } from '../database/with-store.js'
import { diagnose } from '../doctor/diagnose.js'
import type { Finding } from '../doctor/finding.js'
import { exitCode } from '../exit-code.js'
import { refuseEndlessJson } from '../history/follow.js'
import { wholeNumber } from '../numbers.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Output } from '../output/output.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly watch?: true
  readonly interval: number
  readonly server?: string
}

export const configureDoctor: ConfigureVerb = (verb, context) => {
  const { output, ends } = context
  withServer(verb)
    .option('--watch', 'look again and again, and tell what has changed, until Ctrl-C')
    .option('--interval <seconds>', 'how long to wait in between', wholeNumber, 5)
    .action(async (options: Options, command: Command) => {
      const { watch, interval } = options
      if (watch) refuseEndlessJson(output)
      const server = serverOf(options, context)
      const project = server ? undefined : await openProject(command, context)
      const find = async (): Promise<readonly Finding[]> => {
        if (server) return (await server.get<{ findings: Finding[] }>('/doctor')).findings
        return project ? diagnose(project.loaded.config, project.settings) : []
      }
      if (watch) {
        await look(output, interval * 1000, find)
        ends.code = exitCode.interrupted
        return
      }
      const findings = await find()
      show(output, findings)
      if (!isHealthy(findings)) ends.code = exitCode.unhealthy
    })
}

/** Tells what was found whenever it is not what was found before. */
async function look(output: Output, pauseMs: number, find: () => Promise<readonly Finding[]>): Promise<void> {
  const controller = new AbortController()
  const { signal } = controller
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  let told = ''
  while (!signal.aborted) {
    const findings = await find()
    const levels = findings.map(({ check, level, remedy }) => `${check} ${level} ${remedy ?? ''}`).join('\n')
    if (levels !== told) show(output, findings)
    told = levels
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== 'error')
}

function show(output: Output, findings: readonly Finding[]): void {
  const healthy = isHealthy(findings)
  if (output.options.format !== 'table') return output.one({ healthy, findings })
  const { green, yellow, red, dim } = output.paint
  const paint = { ok: green, warning: yellow, error: red }
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, message, remedy }) => [
    `${paint[level](level.padEnd(7))}  ${check.padEnd(width)}  ${message}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(width + 11)}${dim('to do:')} ${remedy}`]),
  ])
  output.text(lines.join('\n'))
  output.note(healthy ? 'healthy' : 'unhealthy: see what to do at each error')
}
