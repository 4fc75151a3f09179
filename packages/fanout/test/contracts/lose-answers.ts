import type { FaultProxy } from '@tidemark/test-servers'

/**
 * Cuts the connection, or leaves it open and silent, instead of passing on every n-th answer to a request with records: they are
 * written, and nobody is told, until the proxy is healed. A record is known by `payload-` in its value.
 */
export function loseAnswers(
  proxy: FaultProxy,
  { every, how = 'cut' }: { readonly every: number; readonly how?: 'cut' | 'black-hole' },
): void {
  const asked = new Set<number>()
  let answers = 0
  proxy.dropWhen({
    direction: 'up',
    times: Number.MAX_SAFE_INTEGER,
    when: ({ connectionId, bytes, newBytes }) => {
      if (bytes.subarray(-newBytes).includes('payload-')) asked.add(connectionId)
      return false
    },
  })
  proxy.dropWhen({
    direction: 'down',
    times: Number.MAX_SAFE_INTEGER,
    then: how,
    when: ({ connectionId }) => asked.delete(connectionId) && ++answers % every === 0,
  })
}
