import { UnknownNameError } from './errors.js'
import { nearestName } from './nearest-name.js'

/**
 * Finds what was named on the command line.
 *
 * @throws {UnknownNameError} nothing has that name; the message names the nearest, or all that there are.
 */
export function findNamed<T extends { readonly name: string }>(things: readonly T[], name: string, kind: string): T {
  const found = things.find((thing) => thing.name === name)
  if (found) return found
  const names = things.map((thing) => thing.name)
  const nearest = nearestName(name, names)
  if (nearest !== undefined) throw new UnknownNameError(`there is no ${kind} "${name}": did you mean "${nearest}"?`)
  throw new UnknownNameError(
    names.length === 0
      ? `there is no ${kind} "${name}": the configuration has none`
      : `there is no ${kind} "${name}": there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`,
  )
}
