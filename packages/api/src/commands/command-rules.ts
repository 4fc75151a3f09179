import type { AnyAggregate } from '@tidemark/eventstore'
import { ApiConfigurationError } from '../errors.js'
import { adviseName } from '../http/nearest-name.js'

/** How a command is taken, beyond what its aggregate says. */
export interface CommandRule {
  /** Whether it needs `If-Match` or `If-None-Match: *`, and is answered with 428 without: for commands that nobody should send blindly. */
  readonly requireIfMatch?: boolean
  /** Whether it is answered with 202 and executed afterwards, as others are with `Prefer: respond-async`. */
  readonly asynchronous?: boolean
}

/** Rules by the name of an aggregate, `order`, or of one of its commands, `order.place`, which counts more. */
export type CommandRules = Readonly<Record<string, CommandRule>>

/** The rule of a command. */
export function ruleOf(rules: CommandRules, aggregate: string, command: string): CommandRule {
  return { ...rules[aggregate], ...rules[`${aggregate}.${command}`] }
}

/** @throws {ApiConfigurationError} a rule is for nothing that there is. */
export function checkRules(rules: CommandRules, aggregates: readonly AnyAggregate[]): void {
  const known = aggregates.flatMap(({ name, commands }) => [
    name,
    ...Object.keys(commands).map((command) => `${name}.${command}`),
  ])
  const unknown = Object.keys(rules).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new ApiConfigurationError(
      `commandRules has a rule for ${JSON.stringify(unknown)}, which is no aggregate and no command: ${adviseName(unknown, known)}`,
    )
  }
}
