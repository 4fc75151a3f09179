/**
 * Writes a path as a JSON pointer (RFC 6901); empty for the whole document.
 *
 * @example
 * const pointer = jsonPointer(['items', 0, 'price/unit']) // '/items/0/price~1unit'
 */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
