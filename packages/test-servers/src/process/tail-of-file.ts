import { readFile } from 'node:fs/promises'

/** The last lines of a log file; empty when there is no such file. */
export async function tailOfFile(path: string, lines = 15): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}
