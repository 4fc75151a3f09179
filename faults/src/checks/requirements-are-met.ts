import type { Check } from './check.js'

/** What an experiment demands by itself: counts, times, what the process did. */
export const requirementsAreMet: Check = {
  name: 'requirements',
  promise: 'what the experiment demands besides',
  applies: ({ requirements }) => requirements.length > 0,
  *breaches({ requirements }) {
    for (const { name, expected, actual, met } of requirements) {
      if (!met) yield `${name}: expected ${expected}, got ${actual}`
    }
  },
}
