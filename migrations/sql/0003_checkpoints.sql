create table checkpoints (
  name        text collate "C" not null,
  position    bigint not null default 0 check (position >= 0),
  event_id    uuid,
  epoch       uuid,
  owner       text,
  owner_epoch bigint not null default 0,
  lease_until timestamptz,
  error       text,
  updated_at  timestamptz not null default clock_timestamp(),
  constraint checkpoints_pkey primary key (name)
) with (fillfactor = 50);
comment on table checkpoints is 'The last position that each subscription has finished, moved by compare-and-set on (owner_epoch, position).';
comment on column checkpoints.event_id is 'The last event at or below the position: proves on resume that the log is still the same.';
comment on column checkpoints.owner_epoch is 'Rises with each owner, so that a paused owner that wakes cannot move the checkpoint.';
