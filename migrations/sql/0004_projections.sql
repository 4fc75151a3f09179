create table projections (
  name       text collate "C" not null,
  version    integer not null check (version > 0),
  table_name text not null,
  status     text not null check (status in ('building', 'built', 'live', 'previous')),
  shards     integer not null default 1 check (shards between 1 and 256),
  target     bigint,
  rebuild_from bigint,
  copied_at  bigint,
  refolded_to bigint,
  inline     boolean not null default false check (status = 'live' or not inline),
  fed_by     text check (not inline or fed_by is null),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint projections_pkey primary key (name, version, table_name)
);
comment on table projections is 'The tables of each read model: the one that is live, the one that is being built or was built, and the one that was live before.';
comment on column projections.shards is 'How many checkpoints share the events of the table.';
comment on column projections.rebuild_from is 'The rows were copied from the live table at copied_at; those that events from here on touch are folded again, up to refolded_to so far.';
comment on column projections.target is 'Up to where a build goes before it is built.';
comment on column projections.fed_by is 'The consumer group of Kafka that has fed the table since its checkpoints were withdrawn from projectors; a table that was replaced keeps it.';
comment on column projections.inline is 'Whether appends keep the table up to date, in their own transactions, and no projector does.';

create table projection_builds (
  name       text collate "C" not null,
  last_build integer not null,
  constraint projection_builds_pkey primary key (name)
);
comment on table projection_builds is 'How many tables each read model has had. No name is given twice, so that a late writer of a table that is gone cannot meet another.';

-- Where the parts of a table have come: projection:<table>, or projection:<table>/<shard> where there are several.
create function shard_checkpoints(table_name text, shards integer) returns setof text
  language sql immutable parallel safe
as $$
  select 'projection:' || table_name || case when shards = 1 then '' else '/' || shard end
    from generate_series(0, shards - 1) as shard
$$;

create unique index projections_live_key on projections (name) where status = 'live';

-- Lets an appender or a consumer in, and says which tables are live, by a later snapshot than the lock: until its transaction ends, none is switched.
-- The other side is exclude_inline.
create function enter_inline(names text[]) returns setof projections
  language plpgsql volatile
  set search_path from current
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'inline read models cannot be kept in a % transaction', current_setting('transaction_isolation')
      using errcode = 'TM002', hint = 'Append under READ COMMITTED.';
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended(n, 'projections'::regclass::oid::bigint)) from unnest(names) n;
  return query select * from projections where status = 'live' and name = any(names);
end
$$;

-- Waits for the appenders of an inline read model to leave, and lets none in until the transaction ends.
create function exclude_inline(name text) returns void
  language sql volatile
  set search_path from current
as $$
  select pg_advisory_xact_lock(hashtextextended(name, 'projections'::regclass::oid::bigint))
$$;
