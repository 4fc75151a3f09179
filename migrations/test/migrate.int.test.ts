import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  checkSchema,
  latestMigration,
  migrate,
  migrationVersion,
  ReadModelsOnlyRefusedError,
  rolesOf,
  SchemaTooNewError,
  SchemaTooOldError,
  TenancyRefusedError,
} from '../src/index.js'

describe('migrate', () => {
  let database: TestDatabase
  const clients: pg.Client[] = []
  beforeEach(async () => {
    database = await createTestDatabase()
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()))
    await database.drop()
  })
  const connected = async (config: pg.ClientConfig = {}) => {
    const client = new pg.Client({ connectionString: database.directUrl, ...config })
    clients.push(client)
    await client.connect()
    return client
  }

  test('makes the schema, and finds nothing to do the second time', async () => {
    const client = await connected()
    await expect(checkSchema(client)).rejects.toBeInstanceOf(SchemaTooOldError)
    const first = await migrate(client)
    expect(first.applied.map(({ id }) => id)).toEqual(Array.from({ length: latestMigration }, (_, index) => index + 1))
    expect(await migrate(client)).toMatchObject({ applied: [], version: latestMigration })
    await checkSchema(client)
    const { rows } = await client.query<{ search_path: string; lock_timeout: string }>(
      `select current_setting('search_path') as search_path, current_setting('lock_timeout') as lock_timeout`,
    )
    expect(rows).toEqual([{ search_path: '"$user", public', lock_timeout: '0' }])
  })

  test('ten at once: each migration is applied by one of them', async () => {
    const migrators = await Promise.all(Array.from({ length: 10 }, () => connected()))
    const results = await Promise.all(migrators.map((client) => migrate(client)))
    const applied = results.flatMap((result) => result.applied.map(({ id }) => id))
    expect(applied.toSorted((a, b) => a - b)).toEqual(Array.from({ length: latestMigration }, (_, index) => index + 1))
    expect(results.every(({ version }) => version === latestMigration)).toBe(true)
  })

  test("does not take a user's own table of migrations for its own, nor touch it", async () => {
    const client = await connected()
    await client.query(
      `create table migrations (id integer, name text, hash text); insert into migrations values (1, 'mine', 'x'), (99, 'mine too', 'y')`,
    )
    expect((await migrate(client)).applied).toHaveLength(latestMigration)
    expect((await client.query('select * from public.migrations')).rowCount).toBe(2)
  })

  test('two stores live in one database under their own names', async () => {
    const client = await connected()
    await migrate(client, { schema: 'one' })
    await migrate(client, { schema: 'two' })
    await client.query(
      `insert into one.events (stream_id, version, id, schema_version, type, data, metadata) values ('a-1', 1, gen_random_uuid(), 1, 'T', '{}', '{}')`,
    )
    const { rows } = await client.query<{ one: string; two: string }>(
      'select (select safe_position from one.safe_head()) as one, (select safe_position from two.safe_head()) as two',
    )
    expect(rows).toEqual([{ one: '1', two: '0' }])
    await expect(migrate(client, { schema: 'No; drop' })).rejects.toThrow('is not usable')
  })

  test('refuses a database that newer code migrated', async () => {
    const client = await connected()
    await migrate(client)
    await client.query(`insert into tidemark.migrations (id, name, hash) values ($1, 'from the future', 'x')`, [
      latestMigration + 1,
    ])
    await expect(migrate(client)).rejects.toBeInstanceOf(SchemaTooNewError)
    await expect(checkSchema(client)).rejects.toMatchObject({
      databaseVersion: latestMigration + 1,
      codeVersion: latestMigration,
    })
    expect(await migrationVersion(client)).toBe(latestMigration + 1)
  })

  test('gives way to a table that somebody holds, and goes on when it is free', async () => {
    const [holder, client] = [await connected(), await connected()]
    await migrate(client)
    // As if only the table of migrations had been made.
    await client.query(`create schema aside; alter table tidemark.migrations set schema aside; drop schema tidemark cascade;
      create schema tidemark; alter table aside.migrations set schema tidemark; delete from tidemark.migrations where id > 0`)
    await holder.query('begin; lock table tidemark.migrations in share mode')
    const tries: string[] = []
    const migrating = migrate(client, { lockTimeoutMs: 50, log: (message) => tries.push(message) })
    await new Promise((resolve) => setTimeout(resolve, 400))
    await holder.query('commit')
    expect((await migrating).applied).toHaveLength(latestMigration)
    expect(tries.some((message) => message.includes('trying again'))).toBe(true)
  })

  describe('tenancy', () => {
    const insert = `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
      values ('a-1', 1, gen_random_uuid(), 1, 'T', '{}', '{}')`

    test('is chosen while the log is empty, once and for good', async () => {
      const client = await connected()
      expect(await migrate(client)).toMatchObject({ tenancy: false })
      expect(await migrate(client, { tenancy: true })).toMatchObject({ applied: [], tenancy: true })
      expect(await migrate(client, { tenancy: true })).toMatchObject({ tenancy: true })
      await client.query(`set tidemark.tenant = 'acme'; ${insert}`)
      expect(await migrate(client)).toMatchObject({ tenancy: true })
      expect(await migrate(client, { tenancy: true })).toMatchObject({ tenancy: true })
      await expect(client.query(insert)).rejects.toMatchObject({ constraint: 'events_stream_id_version_key' })
      await client.query(`set tidemark.tenant = 'bolt'; ${insert}`)
    })

    test('is refused for a log that has events, or had some, and changes nothing there', async () => {
      const client = await connected()
      await migrate(client)
      await client.query(insert)
      await expect(migrate(client, { tenancy: true })).rejects.toBeInstanceOf(TenancyRefusedError)
      await client.query('delete from tidemark.events')
      await expect(migrate(client, { tenancy: true })).rejects.toBeInstanceOf(TenancyRefusedError)
      await client.query(insert)
      expect(await migrate(client)).toMatchObject({ tenancy: false })
    })

    test('binds the owner too, and lets a projector read everything and write nothing', async () => {
      const admin = await connected()
      const name = `owner_${Math.random().toString(36).slice(2)}`
      await admin.query(`create role ${name}; grant create on database ${database.name} to ${name}`)
      const owner = await connected()
      await owner.query(`set role ${name}`)
      await migrate(owner, { tenancy: true })
      await expect(owner.query(insert)).rejects.toMatchObject({ code: 'TM003' })
      for (const tenant of ['acme', 'bolt']) await owner.query(`set tidemark.tenant = '${tenant}'; ${insert}`)
      expect((await owner.query('select tenant from tidemark.events')).rows).toEqual([{ tenant: 'bolt' }])
      const other = insert.replace('(stream_id', '(tenant, stream_id').replace("('a-1'", "('acme', 'a-2'")
      await expect(owner.query(other)).rejects.toMatchObject({ code: '42501' })
      expect((await owner.query("update tidemark.events set version = 9 where tenant = 'acme'")).rowCount).toBe(0)
      const projector = await connected()
      await projector.query(`set role ${rolesOf('tidemark').projector}`)
      expect((await projector.query('select from tidemark.events')).rowCount).toBe(2)
      await expect(projector.query('select from tidemark.snapshots')).rejects.toMatchObject({ code: 'TM003' })
      await owner.query('reset role')
      await owner.query(`drop owned by ${name}; drop role ${name}`)
    })
  })

  describe('read models only', () => {
    const insert = `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
      values ('a-1', 1, gen_random_uuid(), 1, 'T', '{}', '{}')`

    test('is chosen while there is nothing, for good: nobody appends there', async () => {
      const client = await connected()
      await migrate(client)
      await migrate(client, { readModelsOnly: true })
      expect(await migrate(client, { readModelsOnly: true })).toMatchObject({ applied: [] })
      await migrate(client)
      await expect(client.query(insert)).rejects.toMatchObject({ code: 'TM004' })
      await client.query(`set session_replication_role = replica`)
      await expect(client.query(insert)).rejects.toMatchObject({ code: 'TM004' })
    })

    test('is refused where there is a log, or was one, or somebody follows it', async () => {
      const client = await connected()
      await migrate(client)
      await client.query(`insert into tidemark.checkpoints (name) values ('bridge:orders')`)
      await expect(migrate(client, { readModelsOnly: true })).rejects.toBeInstanceOf(ReadModelsOnlyRefusedError)
      await client.query('delete from tidemark.checkpoints')
      await client.query(insert)
      await client.query('delete from tidemark.events')
      await expect(migrate(client, { readModelsOnly: true })).rejects.toBeInstanceOf(ReadModelsOnlyRefusedError)
      await client.query(insert)
    })
  })

  describe('roles', () => {
    const asRole = async (role: string) => {
      const client = await connected()
      await client.query(`set role ${role}`)
      return client
    }
    const insert = `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
      values ('a-' || gen_random_uuid(), 1, gen_random_uuid(), 1, 'T', '{}', '{}') returning position`

    test('none is a superuser; each may do its work and no more', async () => {
      const admin = await connected()
      expect((await migrate(admin)).missingRoles).toEqual([])
      const { writer, projector, reader, maintainer } = rolesOf('tidemark')
      const { rows } = await admin.query(
        'select from pg_roles where rolname = any($1) and (rolsuper or rolcanlogin or rolcreaterole)',
        [[writer, projector, reader, maintainer]],
      )
      expect(rows).toEqual([])

      const asWriter = await asRole(writer)
      await asWriter.query(insert)
      await asWriter.query('select * from tidemark.safe_head()')
      await asWriter.query(`select * from tidemark.claim_subjects('{s}', '{a-1}')`)
      const chosen = insert
        .replace('(stream_id', '(position, stream_id')
        .replace("values ('a-'", "overriding system value values (5, 'a-'")
      await expect(asWriter.query(chosen)).rejects.toMatchObject({ code: '42501' })
      for (const forbidden of [
        "select nextval('tidemark.events_position_seq')",
        "select setval('tidemark.events_position_seq', 1)",
        'update tidemark.events set version = 9',
        'update tidemark.subjects set forgotten_at = null',
        'delete from tidemark.subject_keys',
        'delete from tidemark.events',
        'truncate tidemark.events',
        'alter table tidemark.events disable trigger all',
      ]) {
        await expect(asWriter.query(forbidden), forbidden).rejects.toMatchObject({ code: '42501' })
      }

      const asProjector = await asRole(projector)
      await asProjector.query('select * from tidemark.safe_head()')
      await asProjector.query(
        `insert into tidemark.checkpoints (name) values ('p'); create table tidemark_read.model (id text)`,
      )
      await expect(asProjector.query(insert)).rejects.toMatchObject({ code: '42501' })

      const truncate = `select * from tidemark.truncate_stream('a-1', 2, null, null, null, true, true, false)`
      const forget = `select * from tidemark.forget_subject('nobody', 'test')`
      const asMaintainer = await asRole(maintainer)
      await asMaintainer.query(forget)
      await asMaintainer.query(truncate)
      for (const forbidden of [insert, 'delete from tidemark.events']) {
        await expect(asMaintainer.query(forbidden), forbidden).rejects.toMatchObject({ code: '42501' })
      }
      for (const other of [asWriter, asProjector]) {
        await expect(other.query(truncate)).rejects.toMatchObject({ code: '42501' })
        await expect(other.query(forget)).rejects.toMatchObject({ code: '42501' })
      }

      const asReader = await asRole(reader)
      await asProjector.query(`grant select on tidemark_read.model to ${reader}`)
      await asReader.query('select * from tidemark_read.model')
      await expect(asReader.query('select * from tidemark.events')).rejects.toMatchObject({ code: '42501' })
    })

    test('a writer without rights on the sequence is fenced like everybody', async () => {
      const admin = await connected()
      await migrate(admin)
      const asWriter = await asRole(rolesOf('tidemark').writer)
      await asWriter.query('begin')
      const { rows } = await asWriter.query<{ position: string }>(insert)
      await admin.query(insert)
      const head = await admin.query<{ safe_position: string }>('select safe_position from tidemark.safe_head()')
      expect(Number(head.rows[0]!.safe_position)).toBe(Number(rows[0]!.position) - 1)
      await asWriter.query('rollback')
    })

    test('a migrator that is no superuser can migrate', async () => {
      const admin = await connected()
      const name = `migrator_${Math.random().toString(36).slice(2)}`
      await admin.query(`create role ${name}; grant create on database ${database.name} to ${name}`)
      const client = await asRole(name)
      await migrate(client)
      await client.query(insert)
      await client.query('reset role')
      await client.query(`drop owned by ${name}; drop role ${name}`)
    })
  })
})
