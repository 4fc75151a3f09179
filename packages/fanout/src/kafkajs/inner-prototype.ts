import { createRequire } from 'node:module'

/** The prototype of a class inside kafkajs that has this method; undefined where its file cannot be had, as in a bundle. */
export function innerPrototype<Inner>(file: string, method: keyof Inner): Inner | undefined {
  try {
    const { prototype } = createRequire(import.meta.url)(`kafkajs/src/${file}`) as { readonly prototype: Inner }
    return typeof prototype[method] === 'function' ? prototype : undefined
  } catch {
    return undefined
  }
}
