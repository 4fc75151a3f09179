import type { AdminClient, Query } from './admin-client.js'

const pageSize = 200

/**
 * Reads a list of the admin API page by page, as far as `atMost` things.
 *
 * @param cursor the parameter that says where a page goes on.
 */
export async function readPages<T>(
  client: AdminClient,
  path: string,
  query: Query,
  atMost: number,
  cursor = 'after',
): Promise<T[]> {
  const things: T[] = []
  for (let at = query[cursor]; things.length < atMost;) {
    const limit = String(Math.min(pageSize, atMost - things.length))
    const { data, page } = await client.get<Page<T>>(path, { ...query, [cursor]: at, limit })
    things.push(...data)
    if (page.next === null) break
    at = page.next
  }
  return things
}

interface Page<T> {
  readonly data: readonly T[]
  readonly page: { readonly next: string | null }
}
