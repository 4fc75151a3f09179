import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ProblemError } from '../errors.js'

/** Where a page ends or begins: the sort columns' values of its last or first row, as Postgres writes them. */
export type CursorValues = readonly (string | null)[]

/**
 * Makes and reads the cursors of pages, signed so that nobody can put other values into them.
 *
 * A cursor is bound to the query that it came from: with another sort or other filters it is refused.
 */
export class Cursors {
  private readonly secret: string | Buffer

  /** The secret is random unless given: cursors then end with the process, and other processes refuse them. */
  constructor(secret: string | undefined) {
    this.secret = secret ?? randomBytes(32)
  }

  write(values: CursorValues, query: readonly unknown[]): string {
    const body = Buffer.from(JSON.stringify(values)).toString('base64url')
    return `${body}.${this.sign(body, query).toString('base64url')}`
  }

  /** @throws {ProblemError} `invalid-cursor`: it was not made by these cursors for this query. */
  read(cursor: string, query: readonly unknown[], parameter: string): CursorValues {
    const [body = '', signature = '', ...more] = cursor.split('.')
    const given = Buffer.from(signature, 'base64url')
    const expected = this.sign(body, query)
    if (more.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new ProblemError(
        'invalid-cursor',
        `the parameter ${parameter} holds no cursor of this query: follow page.next, page.prev or the Link of another page, or start without it`,
        { errors: [{ parameter, detail: 'not a cursor of this query' }] },
      )
    }
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as CursorValues
  }

  private sign(body: string, query: readonly unknown[]): Buffer {
    return createHmac('sha256', this.secret)
      .update(JSON.stringify([query, body]))
      .digest()
      .subarray(0, 18)
  }
}
