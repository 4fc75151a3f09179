import type { Command } from 'commander'
import type { EventStore, StreamStore } from '@tidemark/eventstore'

/** The option of verbs that work on streams. */
export function withTenantOption(command: Command): Command {
  return command.option('--tenant <name>', 'whose streams, in a store with tenancy')
}

/** The streams that a verb works on: those of a tenant where one is named. */
export function streamsOf(store: EventStore, tenant: string | undefined): StreamStore {
  return tenant === undefined ? store : store.forTenant(tenant)
}
