/** The path of what a projection has set aside in the admin API: at a position, or an action. */
export function deadLetterPath(projection: string, ...rest: readonly (string | bigint)[]): string {
  return ['/dead-letters', encodeURIComponent(projection), ...rest].join('/')
}
