create table snapshots (
  tenant           text collate "C" not null default current_tenant(),
  stream_id        text collate "C" not null,
  snapshot_version integer not null,
  version          bigint not null,
  event_id         uuid not null,
  state            json not null,
  created_at       timestamptz not null default clock_timestamp(),
  constraint snapshots_pkey primary key (tenant, stream_id, snapshot_version)
);
comment on table snapshots is 'The latest state per stream and snapshot version of its aggregate; a cache, never the truth.';
comment on column snapshots.event_id is 'The event at that version: a snapshot whose event is not in the stream is ignored.';
