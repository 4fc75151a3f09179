/** JSON of a value; positions and other bigints are decimal strings, because JSON's numbers end at 2^53 in many readers. */
export function jsonText(value: unknown, indent?: number): string {
  const plain = (_key: string, item: unknown) => (typeof item === 'bigint' ? item.toString() : item)
  return JSON.stringify(value, plain, indent)
}
