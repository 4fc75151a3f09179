import type { FastifyReply } from 'fastify'

/** The preferences of a request that this API knows, by RFC 7240. */
export interface Preferences {
  /** How long to wait; undefined when the request does not say. */
  readonly waitMs: number | undefined
  /** Whether an answer that is behind is better than none. */
  readonly lenient: boolean
  /** Whether a command's answer should hold the new state. */
  readonly representation: boolean
  /** How the rows that match should be counted; undefined when they need not be. */
  readonly count: 'exact' | 'estimated' | undefined
  /** Whether a command may be executed after the answer. */
  readonly respondAsync: boolean
}

const noPreferences: Preferences = {
  waitMs: undefined,
  lenient: false,
  representation: false,
  count: undefined,
  respondAsync: false,
}

/** Reads the `Prefer` header; what is unknown or not well-formed is passed over, as the RFC asks, and the first of a name counts. */
export function parsePrefer(header: string | readonly string[] | undefined): Preferences {
  if (header === undefined) return noPreferences
  const preferences = new Map<string, string>()
  for (const part of [header].flat().join(',').split(',')) {
    const [, name, value = ''] = /^\s*([\w-]+)\s*(?:=\s*"?([^";]*?)"?\s*)?(?:;.*)?$/.exec(part) ?? []
    if (name !== undefined && !preferences.has(name.toLowerCase())) preferences.set(name.toLowerCase(), value)
  }
  const wait = preferences.get('wait')
  const count = preferences.get('count')
  return {
    waitMs: wait !== undefined && /^\d{1,6}$/.test(wait) ? Number(wait) * 1000 : undefined,
    lenient: preferences.get('handling') === 'lenient',
    representation: preferences.get('return') === 'representation',
    count: count === 'exact' || count === 'estimated' ? count : undefined,
    respondAsync: preferences.has('respond-async'),
  }
}

/** Says in the answer which preference was met, beside those that were said before. */
export function preferenceApplied(reply: FastifyReply, preference: string): void {
  const before = reply.getHeader('preference-applied')
  void reply.header('preference-applied', before === undefined ? preference : `${String(before)}, ${preference}`)
}
