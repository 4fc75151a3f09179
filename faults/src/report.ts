import type { Verdict } from './checks/check-evidence.js'
import { isGood, type Judgement } from './judge-run.js'
import type { RunReport } from './run-experiment.js'

/** One line of JSON about a run. */
export function reportAsJson(report: RunReport, judgement: Judgement): string {
  const { experiment, mutant, seed, size, tookMs, events, verdict, error, folder } = report
  const { checked, violations } = verdict
  const details = { experiment, mutant: mutant ?? null, seed, size, outcome: judgement, ok: isGood(judgement) }
  return JSON.stringify({ ...details, tookMs, events, checked, violations, error: error ?? null, history: folder })
}

/** A few lines for people: one that says all when it went well. */
export function reportAsText(report: RunReport, judgement: Judgement): string {
  const { experiment, mutant, seed, size, tookMs, events, verdict, error, folder } = report
  const name = mutant === undefined ? experiment : `${experiment} on ${mutant}`
  const head = `${judgement.padEnd(8)} ${name} (${size}, seed ${seed}): ${events} events in ${(tookMs / 1000).toFixed(1)} s`
  if (judgement === 'passed') return `${head}, checked ${verdict.checked.join(', ')}`
  if (judgement === 'caught') return `${head}\n${firstViolation(verdict)}`
  const broke = error === undefined ? [] : [indent(error)]
  return [head, ...broke, violationsAsText(verdict), `  history: ${folder}`].filter((line) => line !== '').join('\n')
}

/** All violations with their first cases. */
export function violationsAsText({ violations }: Verdict): string {
  return violations
    .flatMap(({ check, promise, count, examples }) => [
      `  ${check} is broken ${count} times: ${promise}`,
      ...examples.map((example) => `    ${example}`),
    ])
    .join('\n')
}

function firstViolation({ violations }: Verdict): string {
  return violations.map(({ check, count, examples }) => `  ${check} ${count} times: ${examples[0] ?? ''}`).join('\n')
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
