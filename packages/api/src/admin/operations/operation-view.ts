import { z } from 'zod'
import { operationStatuses, type Operation } from './operation.js'

/** How an operation stands in answers. */
export const operationSchema = z.object({
  id: z.string(),
  kind: z.string(),
  target: z.string(),
  status: z.enum(operationStatuses),
  requestedBy: z.string(),
  reason: z.string(),
  correlationId: z.string().optional(),
  progress: z.object({ done: z.bigint(), total: z.bigint() }).optional(),
  result: z.unknown().optional().meta({ description: 'What came of it, once it is done' }),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  attempts: z.int().meta({ description: 'How many processes have taken it up' }),
  cancelRequested: z.boolean(),
  createdAt: z.date(),
  startedAt: z.date().optional(),
  endedAt: z.date().optional(),
})

/** An operation as it is shown. */
export function operationView(operation: Operation): z.output<typeof operationSchema> {
  const { id, kind, target, status, requestedBy, reason, attempts, cancelRequested, createdAt } = operation
  const { correlationId, progress, result, error, startedAt, endedAt } = operation
  return {
    ...{ id, kind, target, status, requestedBy, reason, attempts, cancelRequested, createdAt },
    ...(correlationId !== undefined && { correlationId }),
    ...(progress && { progress }),
    ...(result !== undefined && { result }),
    ...(error && { error }),
    ...(startedAt && { startedAt }),
    ...(endedAt && { endedAt }),
  }
}
