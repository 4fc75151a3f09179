create table projections (
  name       text collate "C" not null,
  version    integer not null check (version > 0),
  table_name text not null,
  status     text not null check (status in ('building', 'live', 'previous')),
  target     bigint,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint projections_pkey primary key (name, version, table_name)
);
comment on table projections is 'The tables of each read model: the one that is live, the one that is being built, and those that were replaced.';

create unique index projections_live_key on projections (name) where status = 'live';
