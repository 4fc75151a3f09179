import type { FastifyInstance, FastifyRequest, InjectOptions } from 'fastify'
import { expect } from 'vitest'
import { z } from 'zod'
import { roles, type Principal } from '../../src/index.js'

/** Who sends a request is its Authorization header: a role, and a tenant after a slash. */
export function authentication({ headers }: FastifyRequest): Principal | undefined {
  const [name, tenant] = (headers.authorization ?? '').split('/')
  const role = roles.find((known) => known === name)
  return role && { subject: `the ${role}`, roles: [role], ...(tenant !== undefined && { tenant }) }
}

/** Some JSON: each answer is checked against the document, so no type says it again. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any

export interface Answer {
  readonly status: number
  readonly body: Json
  readonly text: string
  readonly headers: Record<string, unknown>
}

interface Documented {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >
}

/** Sends requests to a server as some role, and checks every answer against the OpenAPI document. */
export class AdminClient {
  readonly bodies: string[] = []

  constructor(
    private readonly app: () => FastifyInstance,
    private readonly as = 'admin',
  ) {}

  /** The same server for somebody else. */
  for(who: string): AdminClient {
    const other = new AdminClient(this.app, who)
    Object.assign(other, { bodies: this.bodies })
    return other
  }

  get(path: string): Promise<Answer> {
    return this.send({ method: 'GET', url: `/admin/v1${path}` })
  }

  post(path: string, payload: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send({ method: 'POST', url: `/admin/v1${path}`, payload, headers })
  }

  /** Waits until an operation has ended. */
  async ended(answer: Answer): Promise<Json> {
    expect(answer.status, answer.text).toBeOneOf([200, 202])
    const path = String(answer.headers['location']).replace('/admin/v1', '')
    for (;;) {
      const { body } = await this.get(path)
      if (['done', 'failed', 'cancelled'].includes(body.status)) return body
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  private async send(options: InjectOptions & { readonly url: string }): Promise<Answer> {
    const app = this.app()
    const answer = await app.inject({ ...options, headers: { authorization: this.as, ...options.headers } })
    this.bodies.push(answer.body)
    const path = options.url.split('?', 1)[0]!
    conform(app.swagger() as unknown as Documented, String(options.method).toLowerCase(), path, answer)
    return { status: answer.statusCode, body: answer.json(), text: answer.body, headers: answer.headers }
  }
}

function conform(
  { paths }: Documented,
  method: string,
  path: string,
  answer: { statusCode: number; body: string; headers: Record<string, unknown> },
): void {
  const patterns = Object.keys(paths)
    .filter((known) => new RegExp(`^${known.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .sort((one, other) => one.split('{').length - other.split('{').length)
  const operation = paths[patterns[0] ?? '']?.[method]
  if (!operation) return expect(answer.statusCode).toBeOneOf([404, 405])
  // What is our fault is no part of any document.
  if (answer.statusCode === 500) return
  const documented = operation.responses[String(answer.statusCode)]
  expect(
    documented,
    `${method} ${path} answered ${answer.statusCode}, which is not documented: ${answer.body}`,
  ).toBeDefined()
  const [media = ''] = String(answer.headers['content-type']).split(';')
  const schema = documented?.content?.[media]?.schema
  expect(schema, `${method} ${path} ${answer.statusCode} as ${media}`).toBeDefined()
  const parsed = checkOf(JSON.stringify(schema)).safeParse(JSON.parse(answer.body))
  expect(parsed.error, `${method} ${path}: ${answer.body}`).toBeUndefined()
}

const checks = new Map<string, z.ZodType>()

function checkOf(schema: string): z.ZodType {
  let check = checks.get(schema)
  // What zod makes of this format takes whole URLs alone.
  check ??= z.fromJSONSchema(JSON.parse(schema.replaceAll(',"format":"uri-reference"', '')) as never)
  checks.set(schema, check)
  return check
}
