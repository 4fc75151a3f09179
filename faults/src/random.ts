/** Random choices that one seed repeats. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  next(): number
  /** A whole number; both ends are included. */
  integer(from: number, to: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<T>(choices: readonly [T, ...T[]]): T
  /** Choices of its own for a task, so that concurrent tasks do not disturb each other's order. */
  fork(): Random
}

/** Makes choices from a seed, by the generator mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[integer(0, choices.length - 1)] ?? choices[0],
    fork: () => createRandom(integer(0, 2 ** 32 - 1)),
  }
}
