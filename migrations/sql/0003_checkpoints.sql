create table checkpoints (
  name        text collate "C" not null,
  position    bigint not null default 0 check (position >= 0),
  event_id    uuid,
  epoch       uuid,
  owner       text,
  owner_epoch bigint not null default 0,
  lease_until timestamptz,
  error       text,
  failures    integer not null default 0,
  retry_at    timestamptz,
  paused_at   timestamptz,
  pause_reason text,
  updated_at  timestamptz not null default clock_timestamp(),
  constraint checkpoints_pkey primary key (name)
) with (fillfactor = 50);
comment on table checkpoints is 'The last position that each subscription has finished, moved by compare-and-set on (owner_epoch, position).';
comment on column checkpoints.event_id is 'The last event at or below the position: proves on resume that the log is still the same.';
comment on column checkpoints.owner_epoch is 'Rises with each owner, so that a paused owner that wakes cannot move the checkpoint.';
comment on column checkpoints.failures is 'How often the batch after the position has failed; kept over restarts, so that a crash loop does not forget its pauses.';
comment on column checkpoints.paused_at is 'Nobody may take the checkpoint while this is set.';

create table subscribers (
  owner       text collate "C" not null,
  checkpoints text[] not null,
  lease_until timestamptz not null,
  constraint subscribers_pkey primary key (owner)
) with (fillfactor = 50);
comment on table subscribers is 'The programs that follow the log together, and which checkpoints each would take: they share them out by it.';
