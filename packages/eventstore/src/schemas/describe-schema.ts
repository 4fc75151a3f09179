import { isObject, textOf, type JsonSchema, type JsonSchemaObject } from './json-schema.js'

/** What a schema lets through, in a few words: `string`, `"a" or "b"`, `array`, `anything`. */
export function describeSchema(schema: JsonSchema): string {
  if (schema === true) return 'anything'
  if (schema === false) return 'nothing'
  if ('const' in schema) return textOf(schema['const'])
  if (Array.isArray(schema['enum'])) return schema['enum'].map(textOf).join(' or ')
  const alternatives = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(alternatives)) {
    return [...new Set(alternatives.map((each) => describeSchema(each as JsonSchema)))].join(' or ')
  }
  const { type, format } = schema
  if (Array.isArray(type)) return type.join(' or ')
  if (typeof type === 'string') {
    const details = [format, ...tagsOf(schema)].filter((each) => typeof each === 'string').join(', ')
    return details === '' ? type : `${type} (${details})`
  }
  if (isObject(schema['not']) && Object.keys(schema['not']).length === 0) return 'nothing'
  return Object.keys(schema).length === 0 ? 'anything' : textOf(schema)
}

/** What tells an object from others in a union: `kind "card"`. */
function tagsOf({ properties }: JsonSchemaObject): string[] {
  if (!isObject(properties)) return []
  return Object.entries(properties).flatMap(([name, schema]) =>
    isObject(schema) && 'const' in schema ? [`${name} ${textOf(schema['const'])}`] : [],
  )
}
