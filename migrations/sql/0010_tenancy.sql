-- Gives every stream of the store to a tenant. Chosen while the log is empty, for events that are there belong to nobody.
--
-- The database keeps tenants apart: a statement sees and writes what belongs to the tenant in the setting tidemark.tenant, and fails
-- where none is set. Superusers and roles with BYPASSRLS are not bound by that.
create function enable_tenancy() returns boolean
  language plpgsql volatile
  set search_path from current
as $$
declare
  name text;
begin
  perform from store where tenancy;
  if found then
    return true;
  end if;
  lock table events in access exclusive mode;
  if exists (select from events) or coalesce(pg_sequence_last_value('events_position_seq'), 0) > 0 then
    return false;
  end if;
  create or replace function current_tenant() returns text
    language plpgsql stable parallel safe
  as $body$
  declare
    tenant constant text := current_setting('tidemark.tenant', true);
  begin
    if coalesce(tenant, '') = '' then
      raise exception 'the statement is for no tenant'
        using errcode = 'TM003', hint = 'Use store.forTenant(…); in SQL, set_config(''tidemark.tenant'', …, true) in the same transaction.';
    end if;
    return tenant;
  end
  $body$;
  -- A default in ADD COLUMN would be evaluated here and now.
  alter table events add column tenant text collate "C";
  alter table events alter column tenant set default current_tenant(), alter column tenant set not null,
    drop constraint events_stream_id_version_key, drop constraint events_id_key,
    add constraint events_stream_id_version_key unique (tenant, stream_id, version),
    add constraint events_id_key unique (tenant, id);
  foreach name in array array['events', 'snapshots', 'stream_truncations', 'subjects', 'subject_keys', 'subject_streams'] loop
    execute format('alter table %1$I enable row level security, force row level security', name);
    -- A scalar subquery is evaluated once per statement, and an index can look its value up.
    execute format('create policy own_tenant on %I using (tenant = (select current_tenant()))', name);
  end loop;
  create or replace view own_events as select * from events where tenant = (select current_tenant());
  update store set tenancy = true;
  return true;
end
$$;
comment on function enable_tenancy is 'False, and nothing done, when the log has or had events; true when tenancy is on.';
revoke all on function enable_tenancy from public;
