import type { ClientBase } from 'pg'
import { readSchemaOf } from './schema-name.js'

/** The group roles of a store; grant them to the login roles of your programs. */
export interface StoreRoles {
  /** Appends events, writes snapshots, keeps inboxes and remembers commands: the programs that execute commands and consume topics. */
  readonly writer: string
  /** Runs projections and bridges: reads the log of every tenant, moves checkpoints, owns read models. */
  readonly projector: string
  /** Reads the read models, and nothing else. */
  readonly reader: string
  /** Truncates streams and forgets data subjects: for people and jobs, not for the application. */
  readonly maintainer: string
}

/** The names of a store's group roles: `tidemark_writer`, `tidemark_projector`, `tidemark_reader`, `tidemark_maintainer`. */
export function rolesOf(schema: string): StoreRoles {
  return {
    writer: `${schema}_writer`,
    projector: `${schema}_projector`,
    reader: `${schema}_reader`,
    maintainer: `${schema}_maintainer`,
  }
}

/**
 * Creates the group roles where the migrator may, and grants each what it needs and no more.
 *
 * None is a superuser, none can log in. Writers get no right on the sequence of positions: it is used through the identity
 * column alone. A role that is missing and may not be created is left out; it is granted at the next run after somebody made it.
 *
 * @returns the roles that are missing.
 */
export async function grantRoles(client: ClientBase, schema: string): Promise<readonly string[]> {
  const read = readSchemaOf(schema)
  const roles = rolesOf(schema)
  const missing: string[] = []
  const everyTenant = (await hasTenancy(client, schema))
    ? [
        `do $$ begin
           if not exists (select from pg_policy where polrelid = '${schema}.events'::regclass and polname = 'every_tenant') then
             create policy every_tenant on ${schema}.events for select to ${roles.projector} using (true);
           end if;
         end $$`,
      ]
    : []
  const grants: Record<string, readonly string[]> = {
    [roles.writer]: [
      `grant usage on schema ${schema} to ${roles.writer}`,
      `grant select on all tables in schema ${schema} to ${roles.writer}`,
      `grant insert (version, id, schema_version, stream_id, type, data, metadata) on ${schema}.events to ${roles.writer}`,
      `grant insert, update, delete on ${schema}.snapshots to ${roles.writer}`,
      `grant insert (category, type, schema_version, revision, json_schema, compatibility) on ${schema}.event_schemas to ${roles.writer}`,
      `grant insert, update, delete on ${schema}.inbox, ${schema}.inbox_streams, ${schema}.consumer_dead_letters to ${roles.writer}`,
      `grant insert, update, delete on ${schema}.command_requests to ${roles.writer}`,
      `grant usage on sequence ${schema}.command_requests_place_seq to ${roles.writer}`,
      `grant insert, update, delete on ${schema}.operations to ${roles.writer}`,
      `grant execute on function ${schema}.claim_subjects, ${schema}.create_subject_key, ${schema}.lock_forgotten_subjects to ${roles.writer}`,
    ],
    [roles.projector]: [
      `grant usage on schema ${schema} to ${roles.projector}`,
      `grant select on all tables in schema ${schema} to ${roles.projector}`,
      `grant insert, update, delete on ${schema}.checkpoints, ${schema}.subscribers, ${schema}.projections, ${schema}.projection_builds, ${schema}.parked_events, ${schema}.parked_rows, ${schema}.parked_records to ${roles.projector}`,
      `grant insert, update, delete on ${schema}.inbox, ${schema}.inbox_streams, ${schema}.consumer_offsets, ${schema}.consumer_dead_letters to ${roles.projector}`,
      `grant insert, update, delete on ${schema}.operations to ${roles.projector}`,
      `grant usage, create on schema ${read} to ${roles.projector}`,
      ...everyTenant,
    ],
    [roles.reader]: [`grant usage on schema ${read} to ${roles.reader}`],
    [roles.maintainer]: [
      `grant usage on schema ${schema} to ${roles.maintainer}`,
      `grant select on all tables in schema ${schema} to ${roles.maintainer}`,
      `grant execute on function ${schema}.truncate_stream, ${schema}.forget_subject to ${roles.maintainer}`,
      `grant delete on ${schema}.subject_keys to ${roles.maintainer}`,
    ],
  }
  for (const [role, statements] of Object.entries(grants)) {
    if (!(await ensureRole(client, role))) {
      missing.push(role)
      continue
    }
    for (const statement of statements) await client.query(statement)
  }
  return missing
}

/** Whether the streams of a migrated store belong to tenants. */
export async function hasTenancy(client: Pick<ClientBase, 'query'>, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ tenancy: boolean }>(`select tenancy from ${schema}.store`)
  return rows[0]?.tenancy === true
}

async function ensureRole(client: ClientBase, role: string): Promise<boolean> {
  // Roles belong to the cluster: another database's migrator may create the same one at the same moment.
  await client.query(
    `do $$ begin
       if not exists (select from pg_roles where rolname = '${role}') then create role ${role} nologin; end if;
     exception when duplicate_object or unique_violation or insufficient_privilege then null;
     end $$`,
  )
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  return rowCount === 1
}
