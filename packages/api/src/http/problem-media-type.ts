/** The media type of every error, by RFC 9457. */
export const problemMediaType = 'application/problem+json'
