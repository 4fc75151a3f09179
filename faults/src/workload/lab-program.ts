import { createEventStore, type EventStore } from '@tidemark/eventstore'
import pg from 'pg'
import type { Mutant } from '../experiment.js'
import { mutants } from '../mutants/index.js'
import { interceptQueries } from './intercept-queries.js'

/** What every program of the lab is told by its argument. */
export interface LabOrder {
  readonly databaseUrl: string
  /** The defect that it has. */
  readonly mutant?: string | undefined
}

/** The program's order. */
export function readOrder<Order extends LabOrder>(): Order {
  return JSON.parse(process.argv[2] ?? '') as Order
}

/** The store of a program, with the defect of its order. */
export function openStore({ databaseUrl, mutant: name }: LabOrder): {
  readonly store: EventStore
  readonly mutant: Mutant | undefined
} {
  const mutant = mutants.find((each) => each.name === name)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 })
  const store = createEventStore(mutant?.interceptQuery ? interceptQueries(pool, mutant.interceptQuery) : pool, {
    pollIntervalMs: 100,
  })
  if (mutant?.wrapRead) Object.assign(store.log, { read: mutant.wrapRead(store.log.read.bind(store.log)) })
  return { store, mutant }
}

/** Tells the lab something, and waits until it was sent. */
export function tell<News extends { readonly kind: string }>(news: News): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(news, undefined, undefined, () => resolve())
    else resolve()
  })
}

/** The lab lets go of the program, or has died. */
export const dismissed = new Promise<void>((resolve) => process.once('disconnect', resolve))
