import type { Command } from 'commander'
import type { Context } from '../context.js'

/** Gives a command its arguments, options and action. */
export type ConfigureVerb = (verb: Command, context: Context) => void

/** What the help and the completion know of a command before its code is loaded. */
export interface Verb {
  /** What is typed, such as `streams show`: a noun and a verb, or a verb alone. */
  readonly path: string
  /** What it does, in one line. */
  readonly summary: string
  /** How it is called, without the program's name. */
  readonly examples: readonly string[]
  /** Loads the code, and with it the packages that it works with. */
  readonly load: () => Promise<ConfigureVerb>
}
