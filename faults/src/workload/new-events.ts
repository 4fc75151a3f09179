import { randomUUID } from 'node:crypto'

/** An event of the load: its data tells it apart from every other. */
export interface LoadEvent {
  readonly id: string
  readonly type: 'Happened'
  readonly data: { readonly caller: string; readonly n: number }
}

/** Makes events for one caller, numbered through. */
export function eventMaker(caller: string): (count: number) => LoadEvent[] {
  let made = 0
  return (count) =>
    Array.from({ length: count }, () => ({ id: randomUUID(), type: 'Happened', data: { caller, n: ++made } }))
}
