/** What a check has found: that all is well, or what is wrong and what to do about it. */
export interface Finding {
  readonly check: string
  readonly level: 'ok' | 'warning' | 'error'
  readonly message: string
  /** What to run or to change; undefined where nothing is wrong. */
  readonly remedy?: string
}

export function fine(check: string, message: string): Finding {
  return { check, level: 'ok', message }
}

/** Something that will become a problem, or that somebody should know. */
export function warning(check: string, message: string, remedy: string): Finding {
  return { check, level: 'warning', message, remedy }
}

/** Something that does not work, or that can lose data. */
export function failure(check: string, message: string, remedy: string): Finding {
  return { check, level: 'error', message, remedy }
}

/** The findings of a check, or that it found nothing wrong. */
export function orFine(findings: readonly Finding[], check: string, message: string): readonly Finding[] {
  return findings.length > 0 ? findings : [fine(check, message)]
}
