import { toJson } from '../http/json-context.js'
import { hasRole, type Principal } from '../auth/principal.js'

/** How much of the data of events, states and rows is shown, from nothing to all. */
export const payloadModes = ['none', 'masked', 'limited', 'full'] as const

/**
 * `none` leaves data out; `masked` shows its structure, with other values of the same types; `limited` cuts long texts and lists; `full` shows all
 * but personal fields, which are replaced in every mode.
 */
export type PayloadMode = (typeof payloadModes)[number]

/** What a role sees at most. */
const atMost = { viewer: 'masked', operator: 'limited', admin: 'full' } as const

/** The most that a caller may see. */
export function highestMode(principal: Principal): PayloadMode {
  if (hasRole(principal, 'admin')) return atMost.admin
  return hasRole(principal, 'operator') ? atMost.operator : atMost.viewer
}

/** The one of two modes that shows less. */
export function lesserMode(one: PayloadMode, other: PayloadMode): PayloadMode {
  return payloadModes.indexOf(one) < payloadModes.indexOf(other) ? one : other
}

const limits = { text: 200, list: 20, keys: 100 }

/** A value in a mode, as JSON; undefined for `none`. */
export function viewOf(value: unknown, mode: PayloadMode): unknown {
  if (mode === 'none' || value === undefined) return undefined
  const json = JSON.parse(toJson(value)) as unknown
  if (mode === 'full') return json
  return mode === 'masked' ? masked(json) : limited(json)
}

function masked(value: unknown): unknown {
  if (typeof value === 'string') return '***'
  if (typeof value === 'number') return 0
  if (typeof value === 'boolean') return false
  return within(value, masked)
}

function limited(value: unknown): unknown {
  if (typeof value === 'string') return value.length > limits.text ? `${value.slice(0, limits.text)}…` : value
  return within(value, limited)
}

function within(value: unknown, view: (inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, limits.list).map(view)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).slice(0, limits.keys)
  return Object.fromEntries(entries.map(([key, inner]) => [key, view(inner)]))
}
