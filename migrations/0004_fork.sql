-- Forks: an experiment whose history begins with another's, by reference (docs/decisions/0006-fork.md).
--
-- A fork is a row of log.experiments that says up to where it shares its parent's events, and one event of its own,
-- ExperimentForked. Nothing is copied: whoever reads a fork reads the parent's events up to there, then its own, whose
-- versions count on. The link is made once, by log.fork, and never changed.

alter table log.experiments
  add column parent_version  bigint,
  add column parent_position bigint,
  add column parent          integer constraint experiments_parent_exists references log.experiments (number),
  add constraint experiments_parent_is_whole
    check (num_nonnulls(parent, parent_version, parent_position) in (0, 3)),
  add constraint experiments_parent_is_older check (parent < number);

comment on column log.experiments.parent is 'log.experiments.number of the experiment it was forked from; null if it was created.';
comment on column log.experiments.parent_version is 'Version of the last event it shares with its parent; its own count on from there.';
comment on column log.experiments.parent_position is 'Position of the last event it shares.';
comment on column log.experiments.version is 'Version of its last event, shared ones counted; an append must expect exactly this.';

-- Once set, never moved: the state, the version, the epoch and the last position are all that changes in this table.
create function log.refuse_relink() returns trigger language plpgsql as $$
begin
  if (old.parent, old.parent_version, old.parent_position, old.id, old.number)
     is distinct from (new.parent, new.parent_version, new.parent_position, new.id, new.number) then
    raise exception 'the history of experiment % is fixed', old.id
      using errcode = 'AD010', constraint = 'log_is_append_only';
  end if;
  return new;
end
$$;

comment on function log.refuse_relink() is 'Trigger: refuses to move an experiment or to give it another parent.';

create trigger never_relinked before update on log.experiments for each row execute function log.refuse_relink();

create function log.fork(
  p_key text, p_experiment uuid, p_name text, p_parent uuid, p_parent_version bigint, p_state text, p_digest bytea,
  p_type text, p_schema_version integer, p_iteration integer, p_policy_version integer, p_body text,
  p_consumer text, p_consumer_version integer, p_consumer_from bigint, p_consumer_to bigint, p_checksum integer,
  out r_first bigint, out r_last bigint, out r_version bigint, out r_replayed boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_parent   integer;
  v_position bigint;
begin
  -- One append at a time, as in log.append, so that a retry sees what the first try did.
  perform from log.head for update;

  if exists (select from log.appends where key = p_key) then
    if not exists (
      select from log.appends a join log.experiments x on x.number = a.experiment
      where a.key = p_key and x.id = p_experiment and x.name = p_name
    ) then
      raise exception 'append key % was used before for other events', p_key
        using errcode = 'AD004', constraint = 'appends_key_reused';
    end if;
  else
    select number into v_parent from log.experiments where id = p_parent;
    if not found then
      raise exception 'no experiment %', p_parent using errcode = 'AD003', constraint = 'experiments_parent_known';
    end if;
    select position into v_position from log.events where experiment = v_parent and version = p_parent_version;
    if not found then
      raise exception 'a fork of version %, which experiment % did not record', p_parent_version, p_parent
        using errcode = 'AD005', constraint = 'experiments_parent_version_recorded';
    end if;
    insert into log.experiments (id, version, last_position, created_at, number, name, state, parent, parent_version,
                                 parent_position)
    values (p_experiment, p_parent_version, v_position, clock_timestamp(),
            (select coalesce(max(number), 0) + 1 from log.experiments), p_name, p_state, v_parent, p_parent_version,
            v_position);
  end if;

  select a.r_first, a.r_last, a.r_version, a.r_replayed into r_first, r_last, r_version, r_replayed
  from log.append(
    p_key => p_key, p_experiment => p_experiment, p_name => null, p_expected_version => p_parent_version,
    p_epoch => null, p_state => p_state, p_digest => p_digest, p_types => array[p_type],
    p_schema_versions => array[p_schema_version], p_iterations => array[p_iteration],
    p_policy_versions => array[p_policy_version], p_causes => array[null::bigint], p_bodies => array[p_body],
    p_generation_events => '{}', p_tokens => '{}', p_log_probabilities => '{}', p_prompts => '{}',
    p_completions => '{}', p_samplings => '{}', p_random_keys => '{}', p_finishes => '{}',
    p_consumer => p_consumer, p_consumer_version => p_consumer_version, p_consumer_is_global => false,
    p_consumer_from => p_consumer_from, p_consumer_to => p_consumer_to, p_measure => null,
    p_event_checksums => array[p_checksum]) as a;
end
$$;

comment on function log.fork is
  'Creates an experiment whose history up to a version is another''s, and records its first own event. Idempotent by key.';

-- Reading ------------------------------------------------------------------------------------------------------------

create view log.lineage as
with recursive part (experiment, ancestor, parent, first_version, last_version, last_position, depth) as (
  select number, number, parent, coalesce(parent_version, 0) + 1, null::bigint, null::bigint, 0 from log.experiments
  union all
  select p.experiment, a.number, a.parent, coalesce(a.parent_version, 0) + 1, c.parent_version, c.parent_position,
         p.depth + 1
  from part p
  join log.experiments c on c.number = p.ancestor
  join log.experiments a on a.number = p.parent
)
select experiment, ancestor, first_version, last_version, last_position, depth from part;

comment on view log.lineage is
  'The parts of each experiment''s history: its own, and what it shares with the experiments it was forked from.';
comment on column log.lineage.experiment is 'log.experiments.number of the experiment whose history it is.';
comment on column log.lineage.ancestor is 'log.experiments.number of the experiment that recorded this part; itself at depth 0.';
comment on column log.lineage.first_version is 'Version of the part''s first event.';
comment on column log.lineage.last_version is 'Version of the part''s last event; null at depth 0, which is still growing.';
comment on column log.lineage.last_position is 'Position of the part''s last event; null at depth 0.';
comment on column log.lineage.depth is '0 for its own part, 1 for its parent''s, and so on.';

create view read.lineage as
select x.name as experiment, a.name as ancestor, l.depth, l.first_version, l.last_version, l.last_position
from log.lineage l
join log.experiments x on x.number = l.experiment
join log.experiments a on a.number = l.ancestor;

comment on view read.lineage is
'The parts of each experiment''s history, by name. The other views show an event under the experiment that recorded it; to see a
fork with what it shares, join their experiment to ancestor and keep positions up to last_position (docs/sql.md).';
comment on column read.lineage.experiment is 'Name of the experiment whose history it is.';
comment on column read.lineage.ancestor is 'Name of the experiment that recorded this part; itself at depth 0.';
comment on column read.lineage.depth is '0 for its own part, 1 for its parent''s, and so on.';
comment on column read.lineage.first_version is 'Version of the part''s first event.';
comment on column read.lineage.last_version is 'Version of the part''s last event; null at depth 0, which is still growing.';
comment on column read.lineage.last_position is 'Position of the part''s last event; null at depth 0.';

-- A fork's settings are in its first own event, ExperimentForked, in the same place as in ExperimentCreated.

create or replace view read.settings as
select x.name as experiment, x.number,
       (c.body #>> '{settings,seed}')::numeric as seed,
       (c.body #>> '{settings,iterations}')::integer as iterations,
       c.body #>> '{settings,model,name}' as model,
       array(select json_array_elements_text(c.body #> '{settings,play,kinds}')) as kinds,
       (c.body #>> '{settings,play,batch}')::integer as batch,
       (c.body #>> '{settings,play,inputs}')::integer as inputs,
       (c.body #>> '{settings,play,probes}')::integer as probes,
       c.body #>> '{settings,play,duplicates}' as duplicates,
       (c.body #>> '{settings,play,train_proposer}')::boolean as train_proposer,
       (c.body #>> '{settings,proposer,temperature}')::float8 as proposer_temperature,
       (c.body #>> '{settings,solver,temperature}')::float8 as solver_temperature,
       (c.body #>> '{settings,learner,rate}')::float8 as learning_rate,
       c.body #>> '{settings,rewards,formula}' as formula,
       (c.body #>> '{settings,rewards,malformed}')::float8 as reward_malformed,
       (c.body #>> '{settings,rewards,incorrect}')::float8 as reward_incorrect,
       (c.body #>> '{settings,rewards,unlearnable}')::float8 as reward_unlearnable,
       (c.body #>> '{settings,rewards,duplicate}')::float8 as reward_duplicate,
       c.body #>> '{settings,advantages,baseline}' as baseline,
       c.body #>> '{settings,advantages,whitening}' as whitening
from log.experiments x
join log.events c on c.experiment = x.number and c.version = coalesce(x.parent_version, 0) + 1
offset 0;

create or replace view read.experiments as
select x.name as experiment, x.number, x.id, x.state, x.created_at, l.recorded_at as last_event_at, x.version as events,
       coalesce(r.seeding_rounds, 0) as seeding_rounds, coalesce(r.iterations, 0) as iterations,
       (c.body #>> '{settings,iterations}')::integer as iterations_planned,
       coalesce(r.policy_version, 0) as policy_version, r.checkpoint_version,
       c.body #>> '{settings,model,name}' as model, (c.body #>> '{settings,seed}')::numeric as seed,
       c.body ->> 'parent' as parent, x.epoch, c.body -> 'settings' as settings
from log.experiments x
join log.events c on c.experiment = x.number and c.version = coalesce(x.parent_version, 0) + 1
join log.events l on l.position = x.last_position
left join (
  select a.experiment, count(*) filter (where e.type in ('WeightsUpdated', 'UpdateSkipped')) as iterations,
         count(*) filter (where e.type = 'IterationStarted' and e.iteration = 0) as seeding_rounds,
         max(case when e.type = 'WeightsUpdated' then (e.body ->> 'to_version')::integer end) as policy_version,
         max(case when e.type = 'CheckpointSaved' then (e.body ->> 'policy_version')::integer end) as checkpoint_version
  from log.lineage a
  join log.events e on e.experiment = a.ancestor and (a.last_position is null or e.position <= a.last_position)
  where e.type in ('IterationStarted', 'WeightsUpdated', 'UpdateSkipped', 'CheckpointSaved')
  group by a.experiment
) as r on r.experiment = x.number;

comment on view read.experiments is 'One row an experiment: what it is and how far it has come, what it shares with its parent counted.';
comment on column read.experiments.events is 'Number of its events, shared ones counted.';
comment on column read.experiments.settings is 'Everything that decides what it does, as recorded at its creation or fork.';

-- Roles --------------------------------------------------------------------------------------------------------------

revoke all on function log.fork, log.refuse_relink from public;

do $$
declare
  v_role text;
begin
  foreach v_role in array array['autodidact_reader', 'autodidact_writer'] loop
    if exists (select from pg_roles where rolname = v_role) then
      execute format('grant select on log.lineage, read.lineage to %I', v_role);
    end if;
  end loop;
  if exists (select from pg_roles where rolname = 'autodidact_writer') then
    grant execute on function log.fork to autodidact_writer;
  end if;
end
$$;
