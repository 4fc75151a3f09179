import { columnsOf, parseRow } from '@tidemark/projections'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { toJson } from '../src/http/json-context.js'
import { rowWriter } from '../src/read-models/row-json.js'

const columns = columnsOf(
  'every-kind',
  z.object({
    text: z.string(),
    number: z.number(),
    whole: z.int(),
    big: z.bigint(),
    flag: z.boolean(),
    at: z.date(),
    json: z.object({ tags: z.array(z.string()) }),
    maybe: z.string().nullable(),
    absent: z.string().optional(),
  }),
)
const texts = ['a', '1.5', '7', '9007199254740993', 't', '1763763620123', '{"tags": ["x"]}', 'm', 'o'] as const
const having = (property: string, text: string | null) =>
  texts.map((usual, index) => (columns[index]?.property === property ? text : usual))

describe('a row as JSON', () => {
  it.each([
    ['text', ''],
    ['text', 'a "quoted" \\ back\nslash \u2028 \u0001 é 🎈 </script>'],
    ['number', '-0.1'],
    ['number', '1e+21'],
    ['number', '1.7976931348623157e+308'],
    ['number', '5e-324'],
    ['number', '1e-05'],
    ['number', '-0'],
    ['whole', '-9007199254740991'],
    ['big', '-9223372036854775808'],
    ['flag', 'f'],
    ['at', '0'],
    ['at', '-62198755200000'],
    ['at', '8640000000000000'],
    ['at', '9224318015999999'],
    ['json', 'null'],
    ['json', '"\\u2028 é"'],
    ['json', '[1, 2.50, {"a": {}}]'],
    ['maybe', null],
    ['absent', null],
  ])('is what JSON.stringify makes of it: %s %j', (property, text) => {
    const row = having(property, text)
    expect(rowWriter(columns)(row)).toBe(toJson(parseRow(columns, row)))
  })

  it.each(['NaN', 'Infinity', '-Infinity'])('has null for %s, which JSON has not', (text) => {
    expect(JSON.parse(rowWriter(columns)(having('number', text)))).toMatchObject({ number: null })
  })

  it('is an object also where there is nothing to tell', () => {
    const [absent] = columns.slice(-1)
    expect(rowWriter([absent!])([null])).toBe('{}')
    expect(rowWriter([])([])).toBe('{}')
  })
})
