import { jsonPointer } from '@tidemark/eventstore'
import { z } from 'zod'
import { ProblemError, type RequestFault } from '../errors.js'
import { adviseName, quoted } from '../http/nearest-name.js'

const wellFormed = 'takes well-formed text without \\u0000'

// As a pattern it stands in the document.
const withoutNul = new RegExp(String.raw`^[^\x00]*$`)

/** Whether Postgres can store and compare a text. */
export function isStorable(value: string): boolean {
  return value.isWellFormed() && !value.includes('\u0000')
}

/** Text that Postgres can compare with. */
export const text = z
  .string()
  .min(1, 'takes a text that is not empty')
  .max(620, 'takes at most 620 characters')
  .regex(withoutNul, wellFormed)
  .refine(isStorable, wellFormed)

/** A position or a version: a whole number from 0 that Postgres's bigint can hold. */
export const number = z
  .string()
  .regex(/^\d{1,18}$/, 'takes a whole number of at most 18 digits')
  .transform(BigInt)

/** The same in a body, where it may be a JSON number. */
export const numberInBody = z
  .union([z.int().nonnegative(), z.string().regex(/^\d{1,18}$/)], 'takes a whole number, as a text from 2^53 on')
  .transform((value) => BigInt(value))

/** A moment, with its zone. */
export const moment = z.iso
  .datetime({ offset: true, error: 'takes a time with its zone, such as 2026-03-01T12:00:00Z' })
  .regex(/^(?!0000)/, 'takes a time from the year 1 on')
  .transform((value) => new Date(value))

/** A version of a stream, or a moment. */
export const versionOrMoment = z.union(
  [number, moment],
  'takes a version, or a time with its zone, such as 2026-03-01T12:00:00Z',
)

/** How many things a page has at most; the pattern says the range in the document, too. */
export const limit = z
  .string()
  .regex(/^([1-9]\d?|1\d\d|200)$/, 'takes a whole number from 1 to 200')
  .default('50')
  .transform(Number)

/** How long a look at what follows the log may take. */
export const measured = z.object({
  measureMs: z
    .string()
    .regex(/^([1-9]\d{2}|[1-4]\d{3}|5000)$/, 'takes milliseconds from 100 to 5000')
    .transform(Number)
    .optional()
    .meta({ description: 'How long the answer takes where one that runs is behind, to say how fast it gets on' }),
})

/** One of some words, and the nearest where it is none of them. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words as unknown as [Words[number], ...Words[number][]], {
    error: ({ input }) => `takes ${words.join(', ')}: ${adviseName(String(input), words)}`,
  })
}

/** Query parameters as they were parsed: a text, or several of the same name. */
type RawQuery = Readonly<Record<string, string | readonly string[]>>

/**
 * Reads the query parameters of a request; a parameter that the schema has as a list may be repeated.
 *
 * @throws {ProblemError} `invalid-parameter` with every fault.
 */
export function parseQuery<Schema extends z.ZodObject>(schema: Schema, raw: unknown): z.output<Schema> {
  const known = Object.keys(schema.shape)
  const faults: RequestFault[] = []
  const given: Record<string, unknown> = {}
  for (const [name, value] of Object.entries((raw ?? {}) as RawQuery)) {
    if (!known.includes(name)) {
      const detail = `there is no parameter ${quoted(name)}: ${adviseName(name, known)}`
      faults.push({ parameter: name.slice(0, 80), detail })
    } else if (isList(schema.shape[name])) {
      given[name] = typeof value === 'string' ? [value] : value
    } else if (typeof value !== 'string') {
      faults.push({ parameter: name, detail: `the parameter ${name} is given more than once` })
    } else {
      given[name] = value
    }
  }
  const parsed = schema.safeParse(given)
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = String(path[0] ?? '')
    faults.push({ parameter: name, detail: `${name} ${message}` })
  }
  const [first] = faults
  if (first || !parsed.success)
    throw new ProblemError('invalid-parameter', first?.detail ?? '', { errors: faults.slice(0, 50) })
  return parsed.data
}

function isList(schema: unknown): boolean {
  return schema instanceof z.ZodOptional ? isList(schema.unwrap()) : schema instanceof z.ZodArray
}

/**
 * Reads the body of a request; a missing one is an empty object.
 *
 * @throws {ProblemError} `invalid-input` with every fault.
 */
export function parseBody<Schema extends z.ZodObject>(schema: Schema, body: unknown): z.output<Schema> {
  const known = Object.keys(schema.shape)
  const parsed = schema.strict().safeParse(body === undefined ? {} : body)
  if (parsed.success) return parsed.data as z.output<Schema>
  const faults = parsed.error.issues.flatMap((issue): RequestFault[] => {
    if (issue.code !== 'unrecognized_keys') return [{ pointer: jsonPointer(issue.path), detail: issue.message }]
    return issue.keys.map((key) => ({
      pointer: jsonPointer([...issue.path, key.slice(0, 80)]),
      detail: `there is no member ${quoted(key)}: ${adviseName(key, known)}`,
    }))
  })
  const [first] = faults
  const detail = `the body is not valid, nothing was done: ${first?.pointer ?? ''} ${first?.detail ?? ''}`
  throw new ProblemError('invalid-input', detail, { errors: faults.slice(0, 50) })
}

/** The body of a change that takes nothing else. */
export const reasonOnly = z.object({
  reason: z
    .string('takes why it is done')
    .trim()
    .regex(/\S/, 'takes why it is done')
    .max(1000, 'takes at most 1000 characters')
    .regex(withoutNul, wellFormed)
    .refine(isStorable, wellFormed),
  dryRun: z.boolean().optional().meta({ description: 'Say what would happen, and change nothing' }),
})
