import type { SubjectKey } from './key-store.js'
import type { PersonalDataOptions } from './vault.js'

/** A key store of one's own knows subjects of all tenants, so it is asked for `tenant/subject`; the table has a column for it. */
export function keyStoreOfTenant(
  options: PersonalDataOptions | undefined,
  tenant: string | undefined,
): PersonalDataOptions | undefined {
  const keyStore = options?.keyStore
  if (keyStore === undefined || tenant === undefined) return options
  const prefix = `${tenant}/`
  const qualified = (subjects: readonly string[]) => subjects.map((subject) => prefix + subject)
  const plain = (keys: ReadonlyMap<string, SubjectKey>) =>
    new Map([...keys].map(([subject, key]) => [subject.slice(prefix.length), key]))
  return {
    ...options,
    keyStore: {
      find: async (subjects, queryable) => plain(await keyStore.find(qualified(subjects), queryable)),
      create: async (subjects, queryable) => plain(await keyStore.create(qualified(subjects), queryable)),
      delete: (subject, queryable) => keyStore.delete(prefix + subject, queryable),
    },
  }
}
