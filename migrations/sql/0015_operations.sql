-- Work that people ask for and that outlives a request: a rebuild, a verification, a retry of parked events.
create table operations (
  id                  uuid primary key,
  kind                text collate "C" not null,
  target              text collate "C" not null,
  input               json not null,
  audited             boolean not null,
  requested_by        text not null,
  correlation_id      text,
  reason              text not null,
  status              text not null default 'pending' check (status in ('pending', 'running', 'done', 'failed', 'cancelled')),
  progress_done       bigint,
  progress_total      bigint,
  result              json,
  error_code          text,
  error               text,
  owner               text,
  attempt             integer not null default 0,
  lease_until         timestamptz,
  cancel_requested_at timestamptz,
  created_at          timestamptz not null default clock_timestamp(),
  started_at          timestamptz,
  ended_at            timestamptz
) with (fillfactor = 70);
comment on table operations is 'Changes and long work of the admin API; whoever has the lease runs one, and another process takes it up when the lease has run out.';
comment on column operations.attempt is 'How many processes have taken it up: who holds an earlier attempt can write nothing any more.';
comment on column operations.audited is 'Whether its begin and its end stand in the audit stream.';

-- Two of a kind on one target would get in each other's way.
create unique index operations_active_key on operations (kind, target) where status in ('pending', 'running');
