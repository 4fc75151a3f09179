export { describeEventStore } from './contracts/event-store/describe-event-store.js'
export type { StoreUnderTest } from './contracts/event-store/store-under-test.js'
