interface Shared {
  users: number
  value: Promise<unknown>
}

const registry = Symbol.for('tidemark.test-servers.shared')
type Registry = Map<string, Shared>

/**
 * Starts something once for all vitest projects of a run, and ends it when the last of them has let go.
 *
 * Each project loads its set-up files anew, so the register hangs on `globalThis`.
 */
export async function sharedInRun<T>(
  name: string,
  start: () => Promise<T>,
  end: (value: T) => Promise<void>,
): Promise<{ value: T; release: () => Promise<void> }> {
  const holder = globalThis as { [registry]?: Registry }
  const shares = (holder[registry] ??= new Map())
  const shared = shares.get(name) ?? { users: 0, value: start() }
  shares.set(name, shared)
  shared.users++
  const release = async (): Promise<void> => {
    if (--shared.users > 0) return
    shares.delete(name)
    await end((await shared.value) as T)
  }
  try {
    return { value: (await shared.value) as T, release }
  } catch (error) {
    shares.delete(name)
    throw error
  }
}
