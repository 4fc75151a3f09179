import { ConfigurationError, UnstorableValueError } from '../errors.js'
import { assertStorable } from '../stored-value.js'

/** Which fields of an event are personal, and whose. */
export interface PersonalDeclaration<Data> {
  /** Whom the data is about, such as a customer's id: a key of its own encrypts the fields. It stays readable, so it is no name and no address. */
  readonly subject: (data: Data) => string
  /** What each field reads as once the subject is forgotten, by its path: `{ name: 'erased', 'address.street': '' }`. A list is one field. */
  readonly fields: PersonalFields<Data>
}

type PersonalFields<Data> = { readonly [Path in PathOf<Data>]?: ValueAt<Data, Path> }

type Whole = string | number | boolean | bigint | null | undefined | Date | readonly unknown[]

/** The dotted paths of an object's properties, five deep at most. */
type PathOf<Data, Depth extends readonly unknown[] = []> = Data extends Whole
  ? never
  : Depth['length'] extends 5
    ? never
    : {
        [Key in keyof Data & string]: Key | `${Key}.${PathOf<NonNullable<Data[Key]>, [...Depth, unknown]>}`
      }[keyof Data & string]

type ValueAt<Data, Path> = Path extends `${infer Key}.${infer Rest}`
  ? Key extends keyof Data
    ? ValueAt<NonNullable<Data[Key]>, Rest>
    : never
  : Path extends keyof Data
    ? Data[Path]
    : never

/** The same without its types: what the store works with. */
export interface PersonalFieldsOfEvent {
  readonly subject: (data: unknown) => unknown
  readonly fields: readonly PersonalField[]
}

export interface PersonalField {
  readonly path: readonly string[]
  /** Undefined when the property is to be left out. */
  readonly erased: unknown
}

/** @throws {ConfigurationError} no fields, a field within another, or a replacement that cannot be stored. */
export function checkDeclaration<Data>(declaration: PersonalDeclaration<Data>): PersonalFieldsOfEvent {
  const entries = Object.entries<unknown>(declaration.fields)
  if (entries.length === 0) throw new ConfigurationError('an event declares personal data and names no field of it')
  for (const [path, erased] of entries) {
    if (path.split('.').includes('')) throw new ConfigurationError(`${JSON.stringify(path)} is not the path of a field`)
    const inside = entries.find(([other]) => path.startsWith(`${other}.`))
    if (inside) throw new ConfigurationError(`the personal field ${path} is within ${inside[0]}: declare one of them`)
    try {
      if (erased !== undefined) assertStorable(erased, `$.${path}`)
    } catch (error) {
      if (!(error instanceof UnstorableValueError)) throw error
      throw new ConfigurationError(`what replaces the personal field ${path} cannot be stored: ${error.reason}`)
    }
  }
  return {
    subject: declaration.subject as (data: unknown) => unknown,
    fields: entries.map(([path, erased]) => ({ path: path.split('.'), erased })),
  }
}
