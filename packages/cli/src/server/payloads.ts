import { Option, type Command } from 'commander'
import { UsageError } from '../errors.js'

export interface PayloadOptions {
  readonly payloads?: string
}

/** Lets a verb say how much of the data of events and rows a server shows. */
export function withPayloads(command: Command): Command {
  return command.addOption(
    new Option(
      '--payloads <mode>',
      'how much of the data the server shows; with --server, and as far as your role may',
    ).choices(['none', 'masked', 'limited', 'full']),
  )
}

/** @throws {UsageError} the database shows all that it has. */
export function refusePayloads({ payloads }: PayloadOptions): void {
  if (payloads !== undefined) throw new UsageError('--payloads is about what a server shows: say --server')
}
