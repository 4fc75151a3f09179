import type { Random } from '../random.js'

/** A request that no careful client sends. */
export interface BadRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

type Some = readonly [string, ...string[]]

const parameters: Some = [
  ...(['status', 'total.gte', 'total', 'placedAt.lt', 'sort', 'limit', 'after', 'before', 'fields', 'asOf'] as const),
  ...['__proto__', 'constructor', 'hasOwnProperty', 'total[gte]', 'STATUS', '', '.gte', '"total"', 'count', 'version'],
]
const values: Some = [
  ...(['placed', 'paid', '', ' ', '-1', '0', '1e309', 'NaN', '9'.repeat(40), 'true', 'null', 'undefined'] as const),
  ...["' or 1=1 --", "'; drop table tidemark.events; --", '"; select pg_sleep(5)', '$1', '{1,2}', '\\', '%00', '%FF'],
  ...['%E0%A4%A', '%ED%A0%80', '%F0%9F%98%80', '..', '../../etc/passwd', '%2e%2e%2f', 'x'.repeat(4000), '__proto__'],
  ...['2026-13-45', '0001-01-01', '+275760-09-13', 'e30.AAAA', 'W10.', 'W10', '-total,-total', 'orderId,,total', '<b>'],
]
const paths: Some = [
  ...(['/v1/order-summary', '/v1/order-summary', '/v1/order-summary/o-1', '/v1/customer-totals', '/v1/order'] as const),
  ...['/v1/order/o-1/place', '/v1/order/o-1/place', '/v1/order/o-1/pay', '/v1/order/o-1/plac', '/v1/oder/o-1/place'],
  ...['/v1/order-summary/o-1/history', '/v1/order-summary/o-1/blame', '/v1/commands/x', '/v1/__proto__/constructor'],
  ...['/admin/v1/streams', '/admin/v1/events', '/admin/v1/projections/order-summary/rebuild', '/admin/v1/nothing'],
  ...[
    '/health/live',
    '/metrics',
    '/docs/..%2f..%2fpackage.json',
    '/problems/../x',
    '//v1',
    '/v1//place',
    '/%',
    '/v1/%zz',
  ],
]
const methods: Some = ['GET', 'GET', 'GET', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']
const contentTypes: Some = [
  ...(['application/json', 'application/json', 'application/json; charset=utf-16', '\tapplication/json'] as const),
  ...['application/json\t', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
  ...['application/json;;', 'application/jsonx', 'x', '', 'application/json, text/html', 'APPLICATION/JSON'],
]

/** Makes requests by chance: names that nearly exist, values of a wrong kind, broken encodings, huge and deep bodies, SQL everywhere. */
export function badRequest(random: Random, token: string): BadRequest {
  const method = random.pick(methods)
  const hasBody = method !== 'GET' && method !== 'HEAD' && random.chance(0.9)
  return {
    method,
    // What is too long to be read is answered with a body, whatever the method.
    path: method === 'HEAD' ? pathOf(random).slice(0, 8000) : pathOf(random),
    headers: {
      ...(random.chance(0.9) && { authorization: random.chance(0.95) ? `Bearer ${token}` : random.pick(values) }),
      ...(hasBody && { 'content-type': random.pick(contentTypes) }),
      ...headersOf(random),
    },
    ...(hasBody && { body: bodyOf(random) }),
  }
}

function pathOf(random: Random): string {
  const path = random.chance(0.1) ? `/v1/order-summary/${random.pick(values)}` : random.pick(paths)
  if (random.chance(0.4)) return path
  const one = () => `${random.pick(parameters)}=${random.pick(values)}`
  const count = random.chance(0.02) ? 400 : random.integer(1, 3)
  return `${path}?${Array.from({ length: count }, one).join(random.pick(['&', '&', ';', '&&']))}`
}

function headersOf(random: Random): Record<string, string> {
  const headers: Record<string, string> = {}
  const names = ['if-match', 'idempotency-key', 'prefer', 'consistency-token', 'if-none-match', 'x-correlation-id']
  for (const name of [...names, 'traceparent', 'last-event-id', 'accept', 'origin', 'x-forwarded-for'])
    if (random.chance(0.08)) headers[name] = asHeader(random.pick(values))
  return headers
}

/** Line breaks and the like cannot even be sent. */
const asHeader = (text: string) => text.replaceAll(/[^\t\x20-\x7e]/g, '?')

function bodyOf(random: Random): string {
  const kind = random.integer(0, 9)
  if (kind === 0) return random.pick(values)
  if (kind === 1) return '['.repeat(random.integer(10, 20_000))
  if (kind === 2) return `{"a":`.repeat(40) + '1' + '}'.repeat(40)
  if (kind === 3) return '{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}'
  if (kind === 4) return `{"customerId":"${'x'.repeat(random.chance(0.1) ? 200_000 : 2000)}"}`
  return JSON.stringify({
    customerId: anything(random, 2),
    items: random.chance(0.5)
      ? [{ sku: random.pick(values), quantity: anything(random, 1), unitPrice: 1 }]
      : anything(random, 3),
    ...(random.chance(0.3) && { [random.pick(parameters)]: anything(random, 1) }),
  })
}

function anything(random: Random, depth: number): unknown {
  const kind = random.integer(0, depth > 0 ? 5 : 3)
  if (kind === 0) return random.pick(values)
  if (kind === 1) return random.integer(-5, 5) * 1e20
  if (kind === 2) return null
  if (kind === 3) return '\u0000'
  if (kind === 4) return [anything(random, depth - 1)]
  return { [random.pick(parameters)]: anything(random, depth - 1) }
}
