import pg from 'pg'

/** What any reader of the log has to do at least: the rows in pages by position, their JSON parsed by the driver. Returns the number of rows. */
export async function readKeyset(url: string, pageSize: number): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  let after = '0'
  let count = 0
  for (;;) {
    const { rows } = await client.query<{ position: string }>({
      name: 'keyset',
      text: `select position, version, recorded_at, id, schema_version, stream_id, type, data, metadata
               from tidemark.events where position > $1 order by position limit $2`,
      values: [after, pageSize],
    })
    count += rows.length
    const last = rows.at(-1)
    if (!last) break
    after = last.position
  }
  await client.end()
  return count
}
