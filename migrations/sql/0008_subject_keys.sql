create table subjects (
  tenant       text collate "C" not null default current_tenant(),
  subject      text collate "C" not null,
  created_at   timestamptz not null default clock_timestamp(),
  forgotten_at timestamptz,
  reason       text,
  constraint subjects_pkey primary key (tenant, subject)
);
comment on table subjects is 'The data subjects of encrypted events; a forgotten one keeps its row, so that no key is made for it again.';

create table subject_keys (
  tenant        text collate "C" not null default current_tenant(),
  subject       text collate "C" not null,
  key_id        uuid not null,
  key           bytea not null,
  master_key_id text,
  created_at    timestamptz not null default clock_timestamp(),
  constraint subject_keys_pkey primary key (tenant, subject)
);
comment on table subject_keys is 'The key of each data subject; deleting it makes the personal data of all of its events unreadable.';
comment on column subject_keys.master_key_id is 'Which master key wrapped it; null for a key that lies here as it is.';

create table subject_streams (
  tenant    text collate "C" not null default current_tenant(),
  subject   text collate "C" not null,
  stream_id text collate "C" not null,
  constraint subject_streams_pkey primary key (tenant, subject, stream_id)
);
create index subject_streams_stream_id_idx on subject_streams (tenant, stream_id);
comment on table subject_streams is 'The streams that may hold personal data of a subject; written before the events are.';

-- Announces that streams are about to hold data of subjects, pair by pair, and returns those that were forgotten. The lock makes it wait for
-- a forgetting that is under way, and that one for it, so that no pair is missed.
create function claim_subjects(wanted text[], streams text[]) returns setof text
  language plpgsql volatile security definer
  set search_path from current
as $$
begin
  insert into subjects (subject) select distinct w from unnest(wanted) w order by w on conflict do nothing;
  perform from subjects s where s.tenant = current_tenant() and s.subject = any(wanted) order by s.subject for share;
  insert into subject_streams (subject, stream_id)
  select distinct p.subject, p.stream_id
    from unnest(wanted, streams) p(subject, stream_id)
    join subjects s on s.tenant = current_tenant() and s.subject = p.subject and s.forgotten_at is null
   order by 1, 2
  on conflict do nothing;
  return query
    select s.subject from subjects s
     where s.tenant = current_tenant() and s.subject = any(wanted) and s.forgotten_at is not null;
end
$$;
revoke all on function claim_subjects from public;

-- Stores a key for a subject that has none and was not forgotten.
create function create_subject_key(wanted text, new_id uuid, new_key bytea, master text) returns void
  language plpgsql volatile security definer
  set search_path from current
as $$
begin
  perform from subjects s where s.tenant = current_tenant() and s.subject = wanted and s.forgotten_at is null for share;
  if found then
    insert into subject_keys (subject, key_id, key, master_key_id) values (wanted, new_id, new_key, master)
    on conflict do nothing;
  end if;
end
$$;
revoke all on function create_subject_key from public;

-- How many subjects of a stream were forgotten, while none can be until the end of the transaction.
create function lock_forgotten_subjects(stream text) returns bigint
  language plpgsql volatile security definer
  set search_path from current
as $$
begin
  perform from subjects s
    where s.tenant = current_tenant()
      and s.subject in (select l.subject from subject_streams l where l.tenant = current_tenant() and l.stream_id = stream)
    order by s.subject for share;
  return (select count(*) from subject_streams l join subjects s using (tenant, subject)
           where l.tenant = current_tenant() and l.stream_id = stream and s.forgotten_at is not null);
end
$$;
revoke all on function lock_forgotten_subjects from public;

-- Forgets a subject, except for its key, which another key store may hold: a tombstone, and no snapshot of its streams any more.
create function forget_subject(wanted text, why text) returns table (stream_id text, truncated boolean)
  language plpgsql volatile security definer
  set search_path from current
as $$
begin
  insert into subjects as s (subject, forgotten_at, reason) values (wanted, clock_timestamp(), why)
  on conflict (tenant, subject) do update set forgotten_at = excluded.forgotten_at, reason = excluded.reason
   where s.forgotten_at is null;
  delete from snapshots n using subject_streams l
   where l.tenant = current_tenant() and l.subject = wanted and n.tenant = l.tenant and n.stream_id = l.stream_id;
  return query
    select l.stream_id, exists (select from stream_truncations t where t.tenant = l.tenant and t.stream_id = l.stream_id)
      from subject_streams l where l.tenant = current_tenant() and l.subject = wanted order by 1;
end
$$;
comment on function forget_subject is 'For the maintainer role; deleting the key is the key store''s part.';
revoke all on function forget_subject from public;
