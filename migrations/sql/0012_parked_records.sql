create table parked_records (
  bridge     text collate "C" not null,
  position   bigint not null,
  status     text not null check (status in ('failed', 'blocked')),
  event_id   uuid not null,
  tenant     text collate "C",
  stream_id  text collate "C" not null,
  version    bigint not null,
  type       text collate "C" not null,
  key        text collate "C",
  error_code text,
  error      text,
  attempts   integer not null default 1,
  parked_at  timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint parked_records_pkey primary key (bridge, position)
);
comment on table parked_records is 'Events that a bridge could not publish, and the later ones of the same key or stream, which wait for them.';
comment on column parked_records.key is 'The key of the record; null where it could not be made.';
comment on column parked_records.status is 'failed at something of its own, or blocked by an earlier one.';
