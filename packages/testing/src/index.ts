export type { PartialState } from './assert-state.js'
export { given, type Given } from './given.js'
export {
  createInMemoryStore,
  InMemoryStore,
  type InMemoryStoreOptions,
} from './in-memory-store/create-in-memory-store.js'
export type { ExpectedEvent, GivenEvent, OlderEvent } from './given-event.js'
export type { Decided, When } from './when.js'
