import type { JsonSchemaObject } from './json-schema.js'

interface Bound {
  readonly limit: number
  readonly exclusive: boolean
}

/** A lower or an upper limit: the keywords that set it, without and with the limit itself excluded. */
export interface BoundKeywords {
  readonly side: 'lower' | 'upper'
  readonly inclusive: string
  readonly exclusive?: string
}

export const numberBounds: readonly BoundKeywords[] = [
  { side: 'lower', inclusive: 'minimum', exclusive: 'exclusiveMinimum' },
  { side: 'upper', inclusive: 'maximum', exclusive: 'exclusiveMaximum' },
]
export const stringBounds: readonly BoundKeywords[] = [
  { side: 'lower', inclusive: 'minLength' },
  { side: 'upper', inclusive: 'maxLength' },
]
export const arrayBounds: readonly BoundKeywords[] = [
  { side: 'lower', inclusive: 'minItems' },
  { side: 'upper', inclusive: 'maxItems' },
]

/** Whether everything that `writer` lets through is within the limit of `reader`. */
export function isWithin(reader: JsonSchemaObject, writer: JsonSchemaObject, keywords: BoundKeywords): boolean {
  const wanted = boundOf(reader, keywords)
  if (!wanted || (keywords.side === 'lower' && keywords.inclusive !== 'minimum' && wanted.limit <= 0)) return true
  const given = boundOf(writer, keywords)
  return given !== undefined && !isTighter(wanted, given, keywords.side)
}

/** Whether a number is within the limit. */
export function admits(schema: JsonSchemaObject, value: number, keywords: BoundKeywords): boolean {
  const wanted = boundOf(schema, keywords)
  return !wanted || !isTighter(wanted, { limit: value, exclusive: false }, keywords.side)
}

/** A limit in words: `minimum 5`, `no minimum`. */
export function describeBound(schema: JsonSchemaObject, { inclusive, exclusive }: BoundKeywords): string {
  const parts = [inclusive, exclusive].flatMap((keyword) => {
    const limit = keyword === undefined ? undefined : schema[keyword]
    return typeof limit === 'number' ? [`${keyword} ${limit}`] : []
  })
  return parts.length > 0 ? parts.join(', ') : `no ${inclusive}`
}

function boundOf(schema: JsonSchemaObject, { side, inclusive, exclusive }: BoundKeywords): Bound | undefined {
  const wholeOnly = schema['type'] === 'integer'
  const bounds: Bound[] = []
  const closed = schema[inclusive]
  if (typeof closed === 'number') bounds.push({ limit: closed, exclusive: false })
  const open = exclusive === undefined ? undefined : schema[exclusive]
  if (typeof open === 'number') {
    const next = side === 'lower' ? Math.floor(open) + 1 : Math.ceil(open) - 1
    bounds.push(wholeOnly ? { limit: next, exclusive: false } : { limit: open, exclusive: true })
  }
  // The store takes no integer that JavaScript would round.
  if (wholeOnly) {
    bounds.push({ limit: side === 'lower' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER, exclusive: false })
  }
  return bounds.reduce<Bound | undefined>(
    (tightest, bound) => (!tightest || isTighter(bound, tightest, side) ? bound : tightest),
    undefined,
  )
}

function isTighter(one: Bound, other: Bound, side: BoundKeywords['side']): boolean {
  if (one.limit === other.limit) return one.exclusive && !other.exclusive
  return side === 'lower' ? one.limit > other.limit : one.limit < other.limit
}
