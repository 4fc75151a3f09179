import type { EventDefinitions, EventToAppend } from '@tidemark/eventstore'

/** An event of an aggregate's past: as it is appended today, or as older code stored it. */
export type GivenEvent<Events extends EventDefinitions> =
  (EventToAppend<Events> & { readonly schemaVersion?: undefined }) | OlderEvent<keyof Events & string>

/** An event with data of an older schema, which is upcast, or of a type that was renamed or retired. */
export interface OlderEvent<Type extends string> {
  // The second part lets any text through, and keeps the present types in an editor's suggestions.
  readonly type: Type | (string & Record<never, never>)
  readonly schemaVersion: number
  readonly data: Readonly<Record<string, unknown>>
}

/** An event that a command should decide: its type and data; anything else of it is not compared. */
export type ExpectedEvent<Events extends EventDefinitions> = {
  [Type in keyof Events & string]: Pick<Extract<EventToAppend<Events>, { type: Type }>, 'type' | 'data'>
}[keyof Events & string]
