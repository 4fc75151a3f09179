interface ProblemType {
  readonly status: number
  readonly title: string
}

/** Every kind of problem that this package answers with; the name ends the problem's `type`. */
export const problemTypes = {
  'bad-request': { status: 400, title: 'The request is not understood' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'invalid-parameter': { status: 400, title: 'A query parameter is not usable' },
  'invalid-header': { status: 400, title: 'A header is not usable' },
  'invalid-cursor': { status: 400, title: 'The cursor does not belong to this query' },
  'invalid-token': { status: 400, title: 'The consistency token is not one of this API' },
  'invalid-id': { status: 400, title: 'The id cannot be the id of an aggregate' },
  unauthenticated: { status: 401, title: 'The caller is not known' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  'cross-origin': { status: 403, title: 'Commands from this web page are not accepted' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'unknown-projection': { status: 404, title: 'There is no such projection' },
  'unknown-aggregate': { status: 404, title: 'There is no such aggregate' },
  'unknown-command': { status: 404, title: 'The aggregate has no such command' },
  'command-not-found': { status: 404, title: 'No such command is remembered' },
  'row-not-found': { status: 404, title: 'The read model has no such row' },
  'unknown-stream': { status: 404, title: 'There is no such stream' },
  'unknown-event': { status: 404, title: 'There is no such event' },
  'unknown-tenant': { status: 404, title: 'There is no such tenant' },
  'unknown-bridge': { status: 404, title: 'There is no such bridge' },
  'unknown-consumer': { status: 404, title: 'There is no such consumer' },
  'unknown-operation': { status: 404, title: 'There is no such operation' },
  'version-not-found': { status: 404, title: 'The stream does not have that version' },
  'parked-event-not-found': { status: 404, title: 'The projection has not set aside such an event' },
  'method-not-allowed': { status: 405, title: 'The method is not supported here' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  conflict: { status: 409, title: 'Other writers were faster' },
  'command-rejected': { status: 409, title: 'The aggregate rejected the command' },
  'idempotency-key-in-use': { status: 409, title: 'The command with this idempotency key is being executed' },
  'foreign-epoch': { status: 409, title: 'The consistency token is from before the log was restored' },
  'operation-running': { status: 409, title: 'The same is under way already' },
  'operation-ended': { status: 409, title: 'There is nothing to end any more' },
  'action-refused': { status: 409, title: 'The change cannot be made as things are' },
  'history-truncated': { status: 410, title: 'Events of the row were deleted' },
  'precondition-failed': { status: 412, title: 'The stream is at another version' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body is of an unsupported media type' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key belongs to another command' },
  'invalid-input': { status: 422, title: "The command's input is not valid" },
  'event-refused': { status: 422, title: 'The command led to an event that cannot be stored' },
  'not-a-read-model': { status: 422, title: 'The projection has no rows' },
  'not-single-stream': { status: 422, title: 'The rows are not made from one stream each' },
  'history-not-foldable': { status: 422, title: 'The past of the row cannot be folded' },
  'projection-without-position': { status: 422, title: 'The projection has no place in the log' },
  'precondition-required': { status: 428, title: 'The command takes the version that it was decided on' },
  'too-many-requests': { status: 429, title: 'The caller sends too many requests' },
  'state-not-known': { status: 422, title: 'The state cannot be shown here' },
  'headers-too-large': { status: 431, title: 'The request line or the headers are too large' },
  internal: { status: 500, title: 'Something went wrong in the server' },
  unavailable: { status: 503, title: 'The database does not answer' },
  overloaded: { status: 503, title: 'The server is busy' },
  closing: { status: 503, title: 'The server is closing' },
  'outcome-unknown': { status: 503, title: 'The outcome of the command is unknown' },
  'query-timeout': { status: 503, title: 'The query took too long' },
  'projection-behind': { status: 503, title: 'The projection has not come far enough yet' },
  'projection-faulted': { status: 503, title: 'The projection has stopped at an error' },
  'projection-not-built': { status: 503, title: 'The projection has no table yet' },
  'not-ready': { status: 503, title: 'The server is not ready' },
} as const satisfies Readonly<Record<string, ProblemType>>

/** The name of a kind of problem. */
export type ProblemName = keyof typeof problemTypes

/** What may stand in a problem beside the members of RFC 9457. */
export type ProblemMember =
  string | number | boolean | null | readonly ProblemMember[] | { readonly [key: string]: ProblemMember }
