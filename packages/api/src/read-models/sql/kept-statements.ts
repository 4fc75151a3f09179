import { createHash } from 'node:crypto'
import type { Statement } from '@tidemark/eventstore'

/**
 * Statements that may be prepared, named by their texts, so that any connection may have any of them.
 *
 * There is room for so many texts: each takes memory in every connection for as long as that lives.
 */
export class KeptStatements {
  private readonly byText = new Map<string, Statement>()

  constructor(private readonly room: number) {}

  /** The statement of a text; undefined once there is no room for another. */
  of(text: string): Statement | undefined {
    const known = this.byText.get(text)
    if (known || this.byText.size >= this.room) return known
    const statement = statementOf(text)
    this.byText.set(text, statement)
    return statement
  }
}

/** A statement whose name is made of its text: another version of a read model may be read by the same connection. */
export function statementOf(text: string): Statement {
  return { name: `read-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text: () => text }
}
