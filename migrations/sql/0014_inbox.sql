create table inbox (
  consumer   text collate "C" not null,
  source     text collate "C" not null,
  event_id   text collate "C" not null,
  handled_at timestamptz not null default clock_timestamp(),
  constraint inbox_pkey primary key (consumer, source, event_id)
);
comment on table inbox is 'Which events consumers of Kafka topics have handled, written in the transaction of what they did.';
-- Rows arrive in the order of time, so a few pages tell where the old ones are.
create index inbox_handled_at on inbox using brin (handled_at) with (pages_per_range = 32, autosummarize = on);

create table inbox_streams (
  consumer   text collate "C" not null,
  source     text collate "C" not null,
  stream_id  text collate "C" not null,
  version    bigint not null,
  handled_at timestamptz not null default clock_timestamp(),
  constraint inbox_streams_pkey primary key (consumer, source, stream_id)
) with (fillfactor = 50);
comment on table inbox_streams is 'The last version of each stream that a consumer has handled, where it keeps count by version.';

create table consumer_offsets (
  consumer    text collate "C" not null,
  topic       text collate "C" not null,
  partition   integer not null,
  next_offset bigint not null check (next_offset >= 0),
  moved_at    timestamptz not null default clock_timestamp(),
  constraint consumer_offsets_pkey primary key (consumer, topic, partition)
) with (fillfactor = 50);
comment on table consumer_offsets is 'Where a read model that Kafka feeds is in each partition, moved by compare-and-set in the transaction of its rows.';

create table consumer_dead_letters (
  consumer     text collate "C" not null,
  topic        text collate "C" not null,
  partition    integer not null,
  "offset"     bigint not null,
  key          bytea,
  value        bytea,
  headers      jsonb not null,
  error_name   text not null,
  error        text not null,
  stack        text,
  dead_at      timestamptz not null default clock_timestamp(),
  constraint consumer_dead_letters_pkey primary key (consumer, topic, partition, "offset")
);
comment on table consumer_dead_letters is 'Copies of records that went to a dead-letter topic, for people; topic, partition and offset are the original ones.';
comment on column consumer_dead_letters.headers is 'Their bytes in base64.';
