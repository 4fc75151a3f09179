import { AssertionError } from 'node:assert'

/** Throws an error that says what is wrong, and then shows the difference; test runners get both values, too. */
export function failWith(what: string, actual: unknown, expected: unknown): never {
  const operator = 'deepStrictEqual'
  const [, ...difference] = new AssertionError({ actual, expected, operator }).message.split('\n')
  throw new AssertionError({ message: [what, ...difference].join('\n'), actual, expected, operator })
}
