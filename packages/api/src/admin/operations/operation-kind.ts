import type { z } from 'zod'
import type { StoredOperation } from './operation.js'

/** What work gets besides its input. */
export interface OperationWork {
  readonly operation: StoredOperation
  /** Aborted when somebody cancels, when the server closes, and when another process has taken the operation over. */
  readonly signal: AbortSignal
  /** How long the process that runs it may be silent before another one takes it up. */
  readonly leaseMs: number
  readonly progress: (done: bigint, total: bigint) => void
}

/** A kind of change or long work. */
export interface OperationKind<Input extends z.ZodObject = z.ZodObject> {
  /** Such as `projections.rebuild`. */
  readonly kind: string
  /** What the body of a request holds besides `reason` and `dryRun`. */
  readonly input: Input
  /** Whether its target is the name of something in code, which only processes that have it can work on. */
  readonly targetIsNamed: boolean
  /** Whether another process may run it again from the beginning, or go on, when this one dies. */
  readonly resumable: (input: z.output<Input>) => boolean
  /** Whether it changes anything: then it needs a reason and is audited. */
  readonly changes: (input: z.output<Input>) => boolean
  /** Does it; what it returns is shown to everybody who may see operations, so it holds no data of rows or events. */
  readonly run: (input: z.output<Input>, target: string, work: OperationWork) => Promise<unknown>
  /** Says what it would do, and does nothing. */
  readonly plan: (input: z.output<Input>, target: string) => Promise<object>
  /** Whether messages of its errors may hold personal data, which come from handlers. */
  readonly hidesErrors?: (target: string) => boolean
}

/** The same whatever its input is. */
export type AnyOperationKind = Omit<OperationKind, 'resumable' | 'changes' | 'run' | 'plan'> & {
  resumable(input: unknown): boolean
  changes(input: unknown): boolean
  run(input: unknown, target: string, work: OperationWork): Promise<unknown>
  plan(input: unknown, target: string): Promise<object>
}

/** Lets the input's schema give the types of the functions. */
export function defineOperation<Input extends z.ZodObject>(kind: OperationKind<Input>): AnyOperationKind {
  return kind
}

export const always = () => true
export const never = () => false
