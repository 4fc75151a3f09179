-- A database that has the read models of a log which is in another one, with their checkpoints. Its own log stays empty, and nobody can append to it.
alter table store
  add column read_models_only boolean not null default false,
  add column followed_log uuid;
comment on column store.read_models_only is 'Whether the log is in another database; see keep_read_models_only.';
comment on column store.followed_log is 'The log that the read models are made from: the first epoch that it ever had.';

create function refuse_append() returns trigger language plpgsql as $$
begin
  raise exception 'this database has read models only, its log is in another one'
    using errcode = 'TM004', hint = 'Append where the log is.';
end
$$;

-- Chosen while there is nothing here, for a log that is here has readers whose checkpoints are here.
create function keep_read_models_only() returns boolean
  language plpgsql volatile
  set search_path from current
as $$
begin
  perform from store where read_models_only;
  if found then
    return true;
  end if;
  lock table events in access exclusive mode;
  if exists (select from events) or coalesce(pg_sequence_last_value('events_position_seq'), 0) > 0 or exists (select from checkpoints) then
    return false;
  end if;
  create trigger events_elsewhere before insert on events for each statement execute function refuse_append();
  alter table events enable always trigger events_elsewhere;
  update store set read_models_only = true;
  return true;
end
$$;
comment on function keep_read_models_only is 'False, and nothing done, when the database has or had events or checkpoints; true when nobody can append any more.';
revoke all on function keep_read_models_only from public;

-- Which log the read models here are made from: the one that asked first. Null where the database has a log of its own.
create function follow_log(wanted uuid) returns uuid
  language plpgsql volatile security definer
  set search_path from current
as $$
begin
  update store set followed_log = wanted where read_models_only and followed_log is null;
  return (select followed_log from store);
end
$$;
