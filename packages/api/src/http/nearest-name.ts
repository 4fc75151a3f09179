const comparedLength = 64

/** The known name that a wrong one most likely meant; undefined when none is near. */
export function nearestName(wrong: string, known: readonly string[]): string | undefined {
  const given = wrong.slice(0, comparedLength).toLowerCase()
  let nearest: string | undefined
  let nearestDistance = Math.max(2, Math.floor(given.length / 2)) + 1
  for (const name of known) {
    const distance = editDistance(given, name.slice(0, comparedLength).toLowerCase())
    if (distance < nearestDistance) [nearest, nearestDistance] = [name, distance]
  }
  return nearest
}

/** Ends a sentence about a wrong name: with the one that was meant, or with those that there are. */
export function adviseName(wrong: string, known: readonly string[]): string {
  const nearest = nearestName(wrong, known)
  if (nearest !== undefined) return `did you mean "${nearest}"?`
  if (known.length === 0) return 'there is none'
  const more = known.length > 20 ? ', …' : ''
  return `there is ${known.slice(0, 20).join(', ')}${more}`
}

/** A caller's text for a message: quoted, and cut. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/** How many letters must be inserted, removed, replaced or swapped with the next (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let distance = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, at(beforeLast, j - 2) + 1)
      }
      row.push(distance)
    }
    ;[beforeLast, last] = [last, row]
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0
}
