import type { SwaggerTransformObject } from '@fastify/swagger'
import { problemResponses } from './route-document.js'

interface Operation {
  requestBody?: {
    required?: boolean
    content?: Readonly<Record<string, { readonly schema?: { readonly required?: readonly string[] } }>>
  }
  responses?: Record<string, unknown>
  security?: object[]
  tags?: readonly string[]
}

interface Refusals {
  /** Whether callers have to say who they are. */
  readonly isGuarded: boolean
  readonly isLimited: boolean
}

/**
 * Completes an OpenAPI document: every route tells what it may be refused with before it is asked, and a body that needs nothing may be left out.
 */
export function completeDocument({ isGuarded, isLimited }: Refusals): SwaggerTransformObject {
  return (input) => {
    if (!('openapiObject' in input)) return input.swaggerObject
    const { openapiObject: document } = input
    const refusals = [...(isGuarded ? [401, 403] : []), ...(isLimited ? [429] : []), 503]
    for (const path of Object.values(document.paths ?? {})) {
      for (const operation of Object.values(path ?? {}) as Operation[]) {
        const { requestBody, tags } = operation
        const bodies = Object.values(requestBody?.content ?? {})
        if (requestBody && !bodies.some(({ schema }) => (schema?.required?.length ?? 0) > 0))
          requestBody.required = false
        if (tags?.includes('health')) continue
        operation.responses = { ...operation.responses, ...openApiResponses(refusals) }
        if (isGuarded) operation.security = [{ bearer: [] }]
      }
    }
    if (isGuarded) {
      const { components } = document
      document.components = {
        ...components,
        securitySchemes: { ...components?.securitySchemes, bearer: { type: 'http', scheme: 'bearer' } },
      }
    }
    return document
  }
}

function openApiResponses(statuses: readonly number[]): Record<string, unknown> {
  return problemResponses(statuses)
}
