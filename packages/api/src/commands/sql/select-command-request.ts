import { run, type Database, type Statement } from '@tidemark/eventstore'
import { outcomeOf, type CommandOutcome } from '../command-outcome.js'

const statement: Statement = {
  name: 'select-command-request',
  text: (schema) => `
select state, stream_id, command, outcome, extract(epoch from created_at) * 1000, extract(epoch from expires_at) * 1000
  from ${schema}.command_requests where tenant = $1 and id = $2`,
}

/** How a command is getting on. */
export interface CommandRequestStatus {
  readonly state: 'pending' | 'done' | 'rejected' | 'failed'
  readonly streamId: string
  readonly command: string
  readonly outcome: CommandOutcome | undefined
  readonly sentAt: Date
  readonly expiresAt: Date
}

type StatusRow = [
  ...[state: CommandRequestStatus['state'], streamId: string, command: string],
  ...[outcome: string | null, sentAt: string, expiresAt: string],
]

export async function selectCommandRequest(
  database: Database,
  tenant: string,
  id: string,
): Promise<CommandRequestStatus | undefined> {
  const [row] = await run<StatusRow>(database, statement, [tenant, id])
  if (!row) return undefined
  const [state, streamId, command, outcome, sentAt, expiresAt] = row
  return {
    ...{ state, streamId, command, outcome: outcomeOf(outcome) },
    ...{ sentAt: new Date(Number(sentAt)), expiresAt: new Date(Number(expiresAt)) },
  }
}
