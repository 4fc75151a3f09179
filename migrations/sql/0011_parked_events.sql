create table parked_events (
  consumer    text collate "C" not null,
  shard       integer not null default 0,
  position    bigint not null,
  projection  text collate "C" not null,
  status      text not null check (status in ('failed', 'blocked', 'skipped')),
  event_id    uuid not null,
  stream_id   text collate "C" not null,
  tenant      text collate "C",
  version     bigint not null,
  type        text collate "C" not null,
  keys        jsonb not null,
  error_code  text,
  error       text,
  stack       text,
  fingerprint text,
  attempts    integer not null default 1,
  reason      text,
  parked_at   timestamptz not null default clock_timestamp(),
  updated_at  timestamptz not null default clock_timestamp(),
  constraint parked_events_pkey primary key (consumer, position, shard)
);
comment on table parked_events is 'Events that a projection set aside: what failed, the later events of the same stream, which wait for it, and what was skipped.';
comment on column parked_events.consumer is 'The table of a read model, or a handler at a version: order_summary_v1_1, audit-v1.';
comment on column parked_events.keys is 'The keys of the rows that the event would have touched, as far as the code could tell.';
comment on column parked_events.fingerprint is 'The same for failures that are alike.';

create index parked_events_stream on parked_events (consumer, stream_id, position);

-- Rows are looked up by the page.
create table parked_rows (
  consumer text collate "C" not null,
  key      text collate "C" not null,
  position bigint not null,
  shard    integer not null default 0,
  constraint parked_rows_pkey primary key (consumer, key, position, shard),
  constraint parked_rows_event foreign key (consumer, position, shard) references parked_events on delete cascade
);
comment on table parked_rows is 'The rows of read models that lack a parked event.';
create index parked_rows_event_key on parked_rows (consumer, position, shard);
