/** Reads an option that may be given again: its values in the order of the command line. */
export function repeatable<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => [...before, read(text)]
}
