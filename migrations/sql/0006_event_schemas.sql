create table event_schemas (
  category       text collate "C" not null,
  type           text collate "C" not null,
  schema_version integer not null check (schema_version > 0),
  revision       integer not null check (revision > 0),
  json_schema    json not null,
  compatibility  text not null check (compatibility in ('backward', 'forward', 'full', 'none')),
  registered_at  timestamptz not null default clock_timestamp(),
  constraint event_schemas_pkey primary key (category, type, schema_version, revision)
);
comment on table event_schemas is 'The shapes that events may have in the log: every schema that some release registered, and none is ever changed.';
comment on column event_schemas.revision is 'A schema may change compatibly within its version; the data of each revision is in the log.';
comment on column event_schemas.compatibility is 'What was checked when it was registered; none: revisions before it are no longer compared with.';
