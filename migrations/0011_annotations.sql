-- What people said about experiments (docs/events.md, ExperimentAnnotated), and which processes write them.

-- The view and the daemon look for a few events among very many.
create index events_of_annotations on log.events (experiment, type, position) where type = 'ExperimentAnnotated';

-- A fork's stream begins with its parent's, but what was said of the parent was not said of it: only own events count.
create view read.annotations as
select x.name as experiment, coalesce(t.tags, '{}') as tags, nullif(n.note, '') as note, coalesce(p.priority, 0) as priority,
       coalesce(a.changes, 0) as changes, a.position, a.recorded_at
from log.experiments x
left join lateral (
  select count(*) as changes, max(e.position) as position, max(e.recorded_at) as recorded_at
  from log.events e where e.experiment = x.number and e.type = 'ExperimentAnnotated'
) as a on true
left join lateral (
  select array_agg(l.tag order by l.tag collate "C") filter (where l.is_added) as tags
  from (
    select distinct on (c.tag) c.tag, c.is_added
    from (
      select e.position, w.tag, true as is_added
      from log.events e cross join lateral json_array_elements_text(e.body -> 'tags_added') as w (tag)
      where e.experiment = x.number and e.type = 'ExperimentAnnotated'
      union all
      select e.position, w.tag, false
      from log.events e cross join lateral json_array_elements_text(e.body -> 'tags_removed') as w (tag)
      where e.experiment = x.number and e.type = 'ExperimentAnnotated'
    ) as c
    order by c.tag, c.position desc
  ) as l
) as t on true
left join lateral (
  select e.body ->> 'note' as note from log.events e
  where e.experiment = x.number and e.type = 'ExperimentAnnotated' and e.body ->> 'note' is not null
  order by e.position desc limit 1
) as n on true
left join lateral (
  select (e.body ->> 'priority')::integer as priority from log.events e
  where e.experiment = x.number and e.type = 'ExperimentAnnotated' and e.body ->> 'priority' is not null
  order by e.position desc limit 1
) as p on true
where x.name not like 'evaluation/%';

comment on view read.annotations is 'One row an experiment: its tags, its note and its priority as they are now. What was said of a parent is not said of its forks.';
comment on column read.annotations.experiment is 'Name of the experiment.';
comment on column read.annotations.tags is 'Its tags, in order of their bytes; ''tag'' = any (tags) finds one.';
comment on column read.annotations.note is 'Its note; null without one.';
comment on column read.annotations.priority is 'A daemon takes up the highest first, of equals the oldest; 0 unless somebody said otherwise.';
comment on column read.annotations.changes is 'How often something was said.';
comment on column read.annotations.position is 'Position of the last event that said something; null if none did.';
comment on column read.annotations.recorded_at is 'When that was, by the server''s clock.';

-- The session of a living writer holds an advisory lock of its epoch (log.epoch_lock, whose expression stands here, because a
-- view's functions need the caller's right). Its two halves are in pg_locks.
create view read.writers as
select x.name as experiment, x.id, x.epoch, h.pid is not null as is_held, h.pid as backend, s.body ->> 'host' as host,
       (s.body ->> 'process')::integer as process, s.body ->> 'software' as software, s.position, s.recorded_at as started_at
from log.experiments x
left join lateral (
  select l.pid from pg_locks l
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('autodidact epoch ' || x.number || ' ' || x.epoch, 0)
  limit 1
) as h on true
left join lateral (
  select e.position, e.recorded_at, e.body from log.events e
  where e.experiment = x.number and e.type = 'ExperimentStarted' order by e.position desc limit 1
) as s on (s.body ->> 'epoch')::bigint = x.epoch
where x.name not like 'evaluation/%';

comment on view read.writers is 'One row an experiment: the process that wrote it last, and whether it still holds it.';
comment on column read.writers.experiment is 'Name of the experiment.';
comment on column read.writers.id is 'Its id.';
comment on column read.writers.epoch is 'Writer epoch; 0 before the first process.';
comment on column read.writers.is_held is 'Whether a living session holds it.';
comment on column read.writers.backend is 'Process of the database''s server that serves that session; null if none lives.';
comment on column read.writers.host is 'Host of the process that took this epoch; null before it has said so.';
comment on column read.writers.process is 'Its process id on that host.';
comment on column read.writers.software is 'Its program and version.';
comment on column read.writers.position is 'Position of its ExperimentStarted.';
comment on column read.writers.started_at is 'When it took the experiment up, by the server''s clock.';

-- The few starts among very many events.
create index events_of_starts on log.events (experiment, type, position) where type = 'ExperimentStarted';

do $$ begin perform log.grant_roles(); end $$;
