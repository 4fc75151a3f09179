/** Where the programs of the fault lab stop, die or wait; nothing unless `TIDEMARK_FAILPOINTS` is set when the process starts. */
export type Failpoint = (name: string) => Promise<void> | undefined

/**
 * Reads `name=kill;other=sleep:500;third=kill@3`: kill or sleep when the point is passed, for `@n` at the n-th time only.
 *
 * @returns undefined when nothing is set, so that a call costs one comparison.
 */
function parseFailpoints(setting: string | undefined): Failpoint | undefined {
  if (!setting) return undefined
  const actions = new Map<string, { action: string; milliseconds: number; nth: number; passed: number }>()
  for (const part of setting.split(';')) {
    const match = /^([a-z.-]+)=(kill|sleep)(?::(\d+))?(?:@(\d+))?$/.exec(part.trim())
    if (!match)
      throw new Error(
        `TIDEMARK_FAILPOINTS: "${part}" is not name=kill or name=sleep:<ms>, with @<n> for the n-th passage`,
      )
    const [, name = '', action = '', milliseconds = '0', nth = '0'] = match
    actions.set(name, { action, milliseconds: Number(milliseconds), nth: Number(nth), passed: 0 })
  }
  return async (name) => {
    const point = actions.get(name)
    if (!point) return
    point.passed++
    if (point.nth !== 0 && point.passed !== point.nth) return
    if (point.action === 'kill') process.kill(process.pid, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, point.milliseconds))
  }
}

/** Passes a failpoint: `await failpoint?.('append.sent')`. */
export const failpoint: Failpoint | undefined = parseFailpoints(process.env['TIDEMARK_FAILPOINTS'])
