import {
  admitsValue,
  compareBounds,
  compareEqual,
  compareNumbers,
  understood,
  type Mismatch,
} from './compare-values.js'
import { describeSchema } from './describe-schema.js'
import { isObject, textOf, type JsonSchema, type JsonSchemaObject } from './json-schema.js'
import { arrayBounds, stringBounds } from './schema-bounds.js'
import {
  acceptsAll,
  acceptsNone,
  alternativesOf,
  isMeant,
  isReference,
  isRequired,
  itemsOf,
  othersOf,
  propertiesOf,
  requiredOf,
  resolve,
} from './schema-parts.js'

/**
 * Where data that was written under one canonical schema could not be read under another; empty when all of it can.
 *
 * Properties that the reader does not declare are no mismatch, for nothing validates an event again when it is read. A keyword that is
 * not understood is a mismatch unless both have the same. Recursive schemas are compared as far as they differ.
 *
 * @example
 * mismatches({ type: 'integer', minimum: 1 }, { type: 'integer', minimum: 0 })
 * // [{ path: '$', expected: 'minimum 1', found: 'minimum 0' }]
 */
export function mismatches(reader: JsonSchema, writer: JsonSchema): Mismatch[] {
  const assumed = new Set([textOf([{ $ref: '#' }, { $ref: '#' }])])
  const found = new Comparison(reader, writer).compare(reader, writer, { path: '$', assumed })
  return [...new Map(found.map((mismatch) => [textOf(mismatch), mismatch])).values()]
}

interface Place {
  readonly path: string
  /** The pairs of references that are being compared further up: to meet one again proves nothing new. */
  readonly assumed: ReadonlySet<string>
}

class Comparison {
  private readonly sameDefinitions: boolean

  constructor(
    private readonly readerRoot: JsonSchema,
    private readonly writerRoot: JsonSchema,
  ) {
    this.sameDefinitions = textOf(readerRoot) === textOf(writerRoot)
  }

  compare(reader: JsonSchema, writer: JsonSchema, place: Place): Mismatch[] {
    if (acceptsAll(reader) || acceptsNone(writer) || this.isSame(reader, writer)) return []
    if (acceptsNone(reader) || acceptsAll(writer)) return [mismatch(place, reader, writer)]
    if (!isObject(reader) || !isObject(writer)) return [mismatch(place, reader, writer)]
    if ('$ref' in reader || '$ref' in writer) return this.compareReferences(reader, writer, place)
    const written = alternativesOf(writer)
    if (written) return written.flatMap((alternative) => this.compare(reader, alternative, place))
    const readable = 'enum' in reader ? undefined : alternativesOf(reader)
    if (readable) return this.compareWithAny(readable, reader, writer, place)
    if ('const' in writer) return admitsValue(reader, writer['const']) ? [] : [mismatch(place, reader, writer)]
    if ('const' in reader || 'enum' in reader) return [mismatch(place, reader, writer)]
    return this.compareOfOneType(reader, writer, place)
  }

  private compareReferences(reader: JsonSchemaObject, writer: JsonSchemaObject, place: Place): Mismatch[] {
    const pair = textOf([reader, writer])
    if (!isReference(reader) || !isReference(writer)) return [mismatch(place, reader, writer)]
    if (place.assumed.has(pair)) return []
    return this.compare(resolve(reader, this.readerRoot), resolve(writer, this.writerRoot), {
      ...place,
      assumed: new Set([...place.assumed, pair]),
    })
  }

  /** One alternative must take all of it; where none does, the one that was meant says why not. */
  private compareWithAny(
    alternatives: readonly JsonSchema[],
    reader: JsonSchema,
    writer: JsonSchemaObject,
    place: Place,
  ): Mismatch[] {
    const results = alternatives.map((alternative) => this.compare(alternative, writer, place))
    if (results.some((result) => result.length === 0)) return []
    const meant = alternatives.flatMap((alternative, index) =>
      isMeant(resolve(alternative, this.readerRoot), writer) ? [results[index] ?? []] : [],
    )
    return meant.length === 1 ? (meant[0] ?? []) : [mismatch(place, reader, writer)]
  }

  private compareOfOneType(reader: JsonSchemaObject, writer: JsonSchemaObject, place: Place): Mismatch[] {
    const { type } = writer
    const wanted = reader['type']
    if (wanted !== undefined && wanted !== type && !(wanted === 'number' && type === 'integer')) {
      return [mismatch(place, reader, writer)]
    }
    const found = this.compareUnknown(reader, writer, place)
    if (type === 'string') found.push(...compareBounds(reader, writer, stringBounds, place.path))
    if (type === 'string') found.push(...compareEqual(reader, writer, place.path))
    if (type === 'integer' || type === 'number') found.push(...compareNumbers(reader, writer, place.path))
    if (type === 'array') found.push(...this.compareArrays(reader, writer, place))
    if (type === 'object') found.push(...this.compareObjects(reader, writer, place))
    // Without a type it may be any, which is no schema of zod's: nothing is known of what its other keywords refuse.
    if (type === undefined && !this.isSame(reader, writer)) found.push(mismatch(place, reader, writer))
    return found
  }

  private compareUnknown(reader: JsonSchemaObject, writer: JsonSchemaObject, { path }: Place): Mismatch[] {
    const keywords = [...new Set([...Object.keys(reader), ...Object.keys(writer)])].filter(
      (each) => !understood.has(each),
    )
    const describe = (keyword: string, value: unknown) =>
      value === undefined ? `no ${keyword}` : `${keyword} ${textOf(value)}, which is not understood`
    return keywords
      .filter((keyword) => !this.isSame(reader[keyword], writer[keyword]))
      .map((keyword) => ({
        path,
        expected: describe(keyword, reader[keyword]),
        found: describe(keyword, writer[keyword]),
      }))
  }

  private compareArrays(reader: JsonSchemaObject, writer: JsonSchemaObject, place: Place): Mismatch[] {
    const [readerItems, writerItems] = [itemsOf(reader), itemsOf(writer)]
    const first = Math.max(readerItems.first.length, writerItems.first.length)
    const longest = typeof writer['maxItems'] === 'number' ? writer['maxItems'] : Infinity
    const found = compareBounds(reader, writer, arrayBounds, place.path)
    for (let index = 0; index < Math.min(first, longest); index++) {
      const [wanted, given] = [
        readerItems.first[index] ?? readerItems.rest,
        writerItems.first[index] ?? writerItems.rest,
      ]
      found.push(...this.compare(wanted, given, { ...place, path: `${place.path}[${index}]` }))
    }
    if (longest > first) {
      found.push(...this.compare(readerItems.rest, writerItems.rest, { ...place, path: `${place.path}[]` }))
    }
    return found
  }

  private compareObjects(reader: JsonSchemaObject, writer: JsonSchemaObject, place: Place): Mismatch[] {
    const [declared, written] = [propertiesOf(reader), propertiesOf(writer)]
    const [others, writtenOthers] = [othersOf(reader), othersOf(writer)]
    const found: Mismatch[] = []
    for (const [name, schema] of declared) {
      const at = { ...place, path: `${place.path}.${name}` }
      if (isRequired(reader, name) && !isRequired(writer, name)) {
        found.push({ path: at.path, expected: describeSchema(schema), found: 'nothing' })
      }
      found.push(...this.compare(schema, written.get(name) ?? writtenOthers, at))
    }
    for (const name of requiredOf(reader)) {
      if (declared.has(name) || isRequired(writer, name)) continue
      found.push({ path: `${place.path}.${name}`, expected: 'a value', found: 'nothing' })
    }
    for (const [name, schema] of written) {
      if (declared.has(name) || others === false) continue
      const at = { ...place, path: `${place.path}.${name}` }
      found.push(...this.compareNames(reader, { const: name }, at), ...this.compare(others, schema, at))
    }
    if (others === false || acceptsNone(writtenOthers)) return found
    const at = { ...place, path: `${place.path}.*` }
    const names = (writer['propertyNames'] as JsonSchema | undefined) ?? { type: 'string' }
    found.push(...this.compareNames(reader, names, at), ...this.compare(others, writtenOthers, at))
    return found
  }

  private compareNames(reader: JsonSchemaObject, names: JsonSchema, place: Place): Mismatch[] {
    const wanted = reader['propertyNames'] as JsonSchema | undefined
    if (wanted === undefined || this.compare(wanted, names, place).length === 0) return []
    const describe = (schema: JsonSchema) => `a property named ${describeSchema(schema)}`
    return [{ path: place.path, expected: describe(wanted), found: describe(names) }]
  }

  /** Equal texts mean the same, unless they refer to definitions that differ. */
  private isSame(reader: unknown, writer: unknown): boolean {
    const text = textOf(reader)
    return text === textOf(writer) && (this.sameDefinitions || !text.includes('"$ref"'))
  }
}

function mismatch({ path }: Place, reader: JsonSchema, writer: JsonSchema): Mismatch {
  return { path, expected: describeSchema(reader), found: describeSchema(writer) }
}
