import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Role } from '../auth/principal.js'
import { jsonSchemaOf, type JsonSchema } from '../http/json-schema.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import { problemResponses } from '../http/route-document.js'
import { refuseForeignOrigin } from '../http/same-origin.js'
import { parseBody, parseQuery } from './parse-request.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use a route of the admin API. */
    adminRole?: Role
  }
}

/** What a handler gets: the parts of the request, checked. */
export interface AdminRequest<Query, Body> {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
}

/** A route of the admin API, with what its document says. */
export interface AdminRoute<Query extends z.ZodObject, Body extends z.ZodObject> {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly role: Role
  readonly tag: string
  readonly operationId: string
  readonly summary: string
  readonly query?: Query
  readonly body?: Body
  /** What it answers, by status. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema: z.ZodType }>>
  /** The statuses of its problems besides those that every route has. */
  readonly problems?: readonly number[]
  readonly handle: (request: AdminRequest<z.output<Query>, z.output<Body>>) => Promise<unknown>
}

const none = z.object({})

/** Which methods each path has. */
type Paths = Map<string, ('GET' | 'POST')[]>

/** Adds routes to a Fastify context, and answers of the methods that their paths do not have. */
export class AdminRoutes {
  private readonly paths: Paths = new Map()

  constructor(
    private readonly app: FastifyInstance,
    private readonly allowedOrigins: readonly string[],
  ) {}

  /** Where all paths of the context begin. */
  get prefix(): string {
    return this.app.prefix
  }

  add<Query extends z.ZodObject = typeof none, Body extends z.ZodObject = typeof none>(
    route: AdminRoute<Query, Body>,
  ): void {
    const { method, url, role, handle } = route
    const query = (route.query ?? none) as Query
    const body = (route.body ?? none) as Body
    this.paths.set(url, [...(this.paths.get(url) ?? []), method])
    this.app.route({
      ...{ method, url, config: { adminRole: role }, schema: documentOf(route) },
      onRequest: async (request) => {
        if (method === 'POST') refuseForeignOrigin(request, this.allowedOrigins)
      },
      handler: async (request, reply) => {
        void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
        const params = request.params as Record<string, string>
        const parts = { query: parseQuery(query, request.query), body: parseBody(body, request.body) }
        return handle({ request, reply, params, ...parts })
      },
    })
  }

  /** Refuses the other methods of every path that was added. */
  close(): void {
    for (const [url, methods] of this.paths) refuseOtherMethods(this.app, url, methods)
  }
}

function documentOf({
  method,
  url,
  role,
  tag,
  operationId,
  summary,
  query,
  body,
  answers,
  problems = [],
}: AdminRoute<z.ZodObject, z.ZodObject>) {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const text: JsonSchema = { type: 'string' }
  const statuses = [400, 401, 403, ...(method === 'POST' ? [413, 415, 422] : []), ...problems, 503]
  return {
    tags: [`admin: ${tag}`],
    operationId: `admin.${operationId}`,
    summary,
    description: `Takes the role ${role}.`,
    ...(names.length > 0 && {
      params: { type: 'object', required: names, properties: Object.fromEntries(names.map((name) => [name, text])) },
    }),
    ...(query && { querystring: jsonSchemaOf(query, 'input') }),
    ...(method === 'POST' && { body: jsonSchemaOf((body ?? none).strict(), 'input') }),
    response: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, schema }]) => [
          status,
          { description, content: { 'application/json': { schema: jsonSchemaOf(schema, 'output') } } },
        ]),
      ),
      ...problemResponses([...new Set(statuses)].sort()),
    },
  }
}
