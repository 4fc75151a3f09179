/** A page of a longer read, and how to go on from it. */
export interface Page<Item, Cursor> {
  readonly items: readonly Item[]
  /** Where the next page begins; undefined when there is none. */
  readonly next: Cursor | undefined
}

/**
 * Walks through pages item by item; the next page is read while one is consumed, and never more than that.
 *
 * Nothing is read before the first item is asked for, and nothing more once the consumer breaks off.
 */
export async function* paged<Item, Cursor>(
  start: Cursor,
  readPage: (cursor: Cursor) => Promise<Page<Item, Cursor>>,
): AsyncGenerator<Item, void, undefined> {
  let reading = readPage(start)
  for (;;) {
    const { items, next } = await reading
    if (next === undefined) {
      yield* items
      return
    }
    reading = readPage(next)
    // It may fail while the page before it is still consumed, or be of no more interest.
    reading.catch(() => undefined)
    yield* items
  }
}
