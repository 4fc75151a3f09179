/** Whether an `Accept` header asks for an event stream, and not rather for JSON, by its quality values (RFC 9110). */
export function prefersEventStream(accept: string | undefined): boolean {
  const asked = accept?.toLowerCase()
  if (!asked?.includes('text/event-stream')) return false
  const qualities = new Map<string, number>()
  for (const part of asked.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((each) => each.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    qualities.set(type, quality === undefined ? 1 : Number(quality))
  }
  const stream = qualities.get('text/event-stream') ?? 0
  return stream > 0 && stream > (qualities.get('application/json') ?? 0)
}
