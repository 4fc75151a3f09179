-- Commands that were sent with an idempotency key, and those that are executed after they were answered. Processes work off those of every tenant,
-- so the tenant is a value like any other here, and no policy.
create table command_requests (
  tenant       text collate "C" not null default current_tenant(),
  id           uuid not null,
  stream_id    text collate "C" not null,
  command      text collate "C" not null,
  fingerprint  bytea not null,
  state        text not null default 'pending' check (state in ('pending', 'done', 'rejected', 'failed')),
  asynchronous boolean not null,
  place        bigint,
  request      json,
  attempts     integer not null,
  lease_until  timestamptz,
  outcome      json,
  created_at   timestamptz not null default clock_timestamp(),
  expires_at   timestamptz not null,
  constraint command_requests_pkey primary key (tenant, id)
) with (fillfactor = 70);
comment on table command_requests is 'What became of commands, for as long as the same key gives the same outcome; see docs/guides/idempotency.md.';
comment on column command_requests.tenant is 'Empty in a store without tenancy.';
comment on column command_requests.id is 'The command id, which the ids of its events derive from.';
comment on column command_requests.place is 'The order of those that wait to be executed; null for all others.';
comment on column command_requests.request is 'What to execute; kept until it was.';
comment on column command_requests.attempts is 'Tells those apart who tried: only the last may say what became of it.';

create sequence command_requests_place_seq;
-- Only what waits is in these two, so neither is touched where a command is executed at once.
create unique index command_requests_place on command_requests (place) where place is not null;
create index command_requests_stream on command_requests (tenant, stream_id, place) where place is not null;
create index command_requests_expires_at on command_requests (expires_at);

-- As before, and no outcome of a command that the subject's streams took, for the reason of a rejection may hold what is personal.
create or replace function forget_subject(wanted text, why text) returns table (stream_id text, truncated boolean)
  language plpgsql volatile security definer
  set search_path from current
as $$
begin
  insert into subjects as s (subject, forgotten_at, reason) values (wanted, clock_timestamp(), why)
  on conflict (tenant, subject) do update set forgotten_at = excluded.forgotten_at, reason = excluded.reason
   where s.forgotten_at is null;
  delete from snapshots n using subject_streams l
   where l.tenant = current_tenant() and l.subject = wanted and n.tenant = l.tenant and n.stream_id = l.stream_id;
  delete from command_requests r using subject_streams l
   where l.tenant = current_tenant() and l.subject = wanted and r.tenant = l.tenant and r.stream_id = l.stream_id and r.place is null;
  return query
    select l.stream_id, exists (select from stream_truncations t where t.tenant = l.tenant and t.stream_id = l.stream_id)
      from subject_streams l where l.tenant = current_tenant() and l.subject = wanted order by 1;
end
$$;
