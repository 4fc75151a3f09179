import type { AdminClient } from './admin-client.js'

const pageSize = 200

/** Reads a list of the admin API page by page, as far as `atMost` things. */
export async function readPages<T>(
  client: AdminClient,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  atMost: number,
): Promise<T[]> {
  const things: T[] = []
  let after: string | undefined
  do {
    const limit = String(Math.min(pageSize, atMost - things.length))
    const { data, page } = await client.get<Page<T>>(path, { ...query, after, limit })
    things.push(...data)
    after = page.next ?? undefined
  } while (after !== undefined && things.length < atMost)
  return things
}

interface Page<T> {
  readonly data: readonly T[]
  readonly page: { readonly next: string | null }
}
