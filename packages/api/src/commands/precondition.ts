import type { IncomingHttpHeaders } from 'node:http'
import { ProblemError } from '../errors.js'

/**
 * The version that a command demands by `If-Match: "<version>"`, or 0 by `If-None-Match: *`, which demands that there is no
 * stream yet; undefined when it demands nothing.
 *
 * @throws {ProblemError} `invalid-header`: the header holds something else, such as a weak or a second tag.
 */
export function demandedVersion(headers: IncomingHttpHeaders): bigint | undefined {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === '*' && ifMatch === undefined) return 0n
    throw invalidHeader('If-None-Match', 'If-None-Match is only * here, and stands without If-Match')
  }
  if (ifMatch === undefined) return undefined
  const [, version] = /^\s*"(\d{1,18})"\s*$/.exec(ifMatch) ?? []
  if (version === undefined) {
    throw invalidHeader('If-Match', 'If-Match is one version in quotes, as the ETag of a command has it: "7"')
  }
  return BigInt(version)
}

function invalidHeader(parameter: string, detail: string): ProblemError {
  return new ProblemError('invalid-header', `the header ${detail}`, { errors: [{ parameter, detail }] })
}
