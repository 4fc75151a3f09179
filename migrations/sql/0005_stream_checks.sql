-- A stream that an append only checks must not be appended to until the append commits. A placeholder at its next version makes
-- other appenders wait there, and is taken away before the commit, so that nobody ever reads it.
create function release_stream_checks(placeholders uuid[]) returns void
  language sql volatile security definer
  set search_path from current
as $$
  delete from events where id = any(placeholders) and type = '$check'
$$;
comment on function release_stream_checks is 'Deletes the placeholders that the calling transaction made; nothing else has their type.';
