-- The log: everything that is truth (docs/architecture.md §4.1).
--
-- Who writes here: log.append, log.raise_epoch, log.acknowledge and log.set_consumer_state, and nobody else. They run as
-- the owner of the schema; the daemon and the CLI need only the right to call them (role autodidact_writer).
-- Every refusal carries a constraint name, which the client maps to one of its errors, and its figures as JSON in DETAIL.
--
-- Columns of fixed width come first in every table, the wide before the narrow: no bytes are lost to alignment.

create schema if not exists log;

comment on schema log is 'The append-only log of every experiment: all that is truth. Everything else is a fold over it.';

-- Tables -------------------------------------------------------------------------------------------------------------

create table log.head (
  position  bigint  not null,
  singleton boolean primary key default true constraint head_has_one_row check (singleton),
  hash      bytea   not null constraint head_hash_is_sha256 check (octet_length(hash) = 32)
) with (fillfactor = 10);

insert into log.head (position, hash) values (0, decode(repeat('00', 32), 'hex'));

comment on table log.head is 'One row. Its lock serialises appends, which makes positions gapless and commit-ordered.';
comment on column log.head.position is 'Position of the last event; 0 in an empty log.';
comment on column log.head.singleton is 'Always true: the key that keeps this table at one row.';
comment on column log.head.hash is 'Hash of the last append, and so of everything before it; 32 zero bytes at first.';

create table log.experiments (
  id            uuid        not null constraint experiments_id_unique unique,
  version       bigint      not null,
  epoch         bigint      not null default 0,
  last_position bigint      not null,
  created_at    timestamptz not null,
  number        integer     primary key,
  name          text        not null constraint experiments_name_unique unique
                            constraint experiments_name_limit check (octet_length(name) between 1 and 200),
  state         text        not null constraint experiments_state_limit check (octet_length(state) between 1 and 64)
) with (fillfactor = 50);

comment on table log.experiments is 'One row an experiment: the lock, the version and the fence of its appends.';
comment on column log.experiments.id is 'Identity, made by whoever created the experiment.';
comment on column log.experiments.version is 'Number of its events; an append must expect exactly this.';
comment on column log.experiments.epoch is 'Writer epoch: an append that carries another one is refused. 0 before the first daemon.';
comment on column log.experiments.last_position is 'Position of its last event.';
comment on column log.experiments.created_at is 'When its first events were recorded.';
comment on column log.experiments.number is 'Short identity within this database, 1, 2, 3 …; what events refer to.';
comment on column log.experiments.name is 'What people call it; unique.';
comment on column log.experiments.state is 'The word its last append left, such as running or paused.';

create table log.events (
  position       bigint      primary key,
  cause          bigint      constraint events_cause_precedes check (cause >= 1 and cause < position),
  recorded_at    timestamptz not null,
  experiment     integer     not null,
  version        integer     not null constraint events_version_positive check (version >= 1),
  iteration      integer,
  policy_version integer,
  schema_version smallint    not null constraint events_schema_version_positive check (schema_version >= 1),
  type           text        not null constraint events_type_limit check (octet_length(type) between 1 and 64),
  body           json        not null
    constraint events_body_limit check (octet_length(body::text) <= 1048576)
    constraint events_body_is_object check (json_typeof(body) = 'object'),
  constraint events_version_unique unique (experiment, version)
);

comment on table log.events is 'What happened, one row an event, in order. Rows are never changed or removed.';
comment on column log.events.position is 'Place in the whole log: 1, 2, 3 … without a gap, in commit order.';
comment on column log.events.version is 'Place within its experiment: 1, 2, 3 … without a gap. Four bytes: it is in an index of every event.';
comment on column log.events.cause is 'Position of the earlier event this one follows from.';
comment on column log.events.recorded_at is 'When the append was made, by the server''s clock; nothing is ever ordered by it.';
comment on column log.events.experiment is 'log.experiments.number.';
comment on column log.events.iteration is 'Iteration of self-play it belongs to.';
comment on column log.events.policy_version is 'Version of the weights that it was made with.';
comment on column log.events.schema_version is 'Shape of the body within its type.';
comment on column log.events.type is 'Name of the event in the past tense.';
comment on column log.events.body is 'The facts, as the writer''s own bytes (json, not jsonb: docs/decisions/0002-event-body.md).';

create table log.generations (
  position          bigint primary key,
  tokens            bytea  not null constraint generations_tokens_limit check (octet_length(tokens) <= 4 * 131072),
  log_probabilities bytea  not null,
  random_key        bytea  not null constraint generations_random_key_limit check (octet_length(random_key) <= 200),
  finish            text   not null constraint generations_finish_limit check (octet_length(finish) <= 64),
  sampling          json   not null
    constraint generations_sampling_limit check (octet_length(sampling::text) <= 1048576)
    constraint generations_sampling_is_object check (json_typeof(sampling) = 'object'),
  prompt            text   not null constraint generations_prompt_limit check (octet_length(prompt) <= 1048576),
  completion        text   not null constraint generations_completion_limit check (octet_length(completion) <= 1048576),
  constraint generations_lengths_agree check (octet_length(tokens) = octet_length(log_probabilities)),
  constraint generations_tokens_are_words check (octet_length(tokens) % 4 = 0)
);

-- Log-probabilities are noise to a compressor: time is saved by not trying.
alter table log.generations alter column log_probabilities set storage external;

comment on table log.generations is 'The sampled tokens behind a proposal or an attempt, written with their event.';
comment on column log.generations.position is 'Position of the event.';
comment on column log.generations.tokens is 'Sampled token ids, little-endian int32, without the prompt''s.';
comment on column log.generations.log_probabilities is 'Natural-log probability of each token when drawn, little-endian float32.';
comment on column log.generations.random_key is 'Key of the counter-based generator that drew the tokens.';
comment on column log.generations.finish is 'Why sampling ended.';
comment on column log.generations.sampling is 'Sampling parameters.';
comment on column log.generations.prompt is 'The prompt as text, for people; U+0000 became U+FFFD.';
comment on column log.generations.completion is 'The completion as text, for people; U+0000 became U+FFFD.';

create table log.appends (
  first_position bigint      primary key,
  last_position  bigint      not null,
  first_version  bigint      not null,
  epoch          bigint,
  recorded_at    timestamptz not null,
  experiment     integer     not null,
  key            text        not null constraint appends_key_unique unique
                             constraint appends_key_limit check (octet_length(key) between 1 and 200),
  digest         bytea       not null constraint appends_digest_is_sha256 check (octet_length(digest) = 32),
  previous_hash  bytea       not null constraint appends_previous_hash_is_sha256 check (octet_length(previous_hash) = 32),
  hash           bytea       not null constraint appends_hash_is_sha256 check (octet_length(hash) = 32),
  measure        json        constraint appends_measure_limit check (octet_length(measure::text) <= 65536),
  constraint appends_positions_ordered check (last_position >= first_position)
);

create index appends_by_experiment on log.appends (experiment, first_position);

comment on table log.appends is 'One row an append: the client''s key makes it idempotent, the hash chain makes it tamper-evident.';
comment on column log.appends.first_position is 'Position of its first event.';
comment on column log.appends.last_position is 'Position of its last event.';
comment on column log.appends.first_version is 'Version of its first event within the experiment.';
comment on column log.appends.epoch is 'Writer epoch of the daemon that appended; null for control events.';
comment on column log.appends.recorded_at is 'The same as that of its events.';
comment on column log.appends.experiment is 'log.experiments.number.';
comment on column log.appends.key is 'Fixed by the client before its first try; the same key is never appended twice.';
comment on column log.appends.digest is 'sha256 of its events and generations, computed by the client.';
comment on column log.appends.previous_hash is 'Hash of the append before.';
comment on column log.appends.hash is 'sha256 of previous hash, digest, first and last position, epoch (-1 if null), recorded_at in microseconds, key.';
comment on column log.appends.measure is 'What the step behind it took: its name, seconds, tokens. In no digest: a fact of this performance, not of the experiment.';

create table log.consumers (
  position   bigint      not null,
  updated_at timestamptz not null,
  experiment integer,
  version    integer     not null,
  name       text        not null constraint consumers_name_limit check (octet_length(name) between 1 and 200),
  state      text        not null constraint consumers_state_known check (state in ('running', 'paused', 'failed')),
  failure    text,
  constraint consumers_unique unique nulls not distinct (name, version, experiment)
) with (fillfactor = 50);

comment on table log.consumers is 'Who reads the log and how far: projections, the learner.';
comment on column log.consumers.position is 'Everything up to here is dealt with; set in the transaction of the effect.';
comment on column log.consumers.updated_at is 'Last change of this row.';
comment on column log.consumers.experiment is 'log.experiments.number; null reads all experiments.';
comment on column log.consumers.version is 'Version of the consumer''s code; a new one starts its own row.';
comment on column log.consumers.name is 'What it is called.';
comment on column log.consumers.state is 'running, paused, or failed.';
comment on column log.consumers.failure is 'What stopped it.';

-- Nothing is changed or removed --------------------------------------------------------------------------------------

create function log.refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'AD010', constraint = 'log_is_append_only';
end
$$;

comment on function log.refuse() is 'Trigger: refuses the operation.';

create trigger append_only before update or delete or truncate on log.events
  for each statement execute function log.refuse();
create trigger append_only before update or delete or truncate on log.generations
  for each statement execute function log.refuse();
create trigger append_only before update or delete or truncate on log.appends
  for each statement execute function log.refuse();
create trigger never_removed before delete or truncate on log.experiments
  for each statement execute function log.refuse();
create trigger never_removed before delete or truncate on log.head
  for each statement execute function log.refuse();

-- Append -------------------------------------------------------------------------------------------------------------

create function log.append(
  p_key text, p_experiment uuid, p_name text, p_expected_version bigint, p_epoch bigint, p_state text, p_digest bytea,
  p_types text[], p_schema_versions integer[], p_iterations integer[], p_policy_versions integer[], p_causes bigint[],
  p_bodies text[],
  p_generation_events integer[], p_tokens bytea[], p_log_probabilities bytea[], p_prompts text[], p_completions text[],
  p_samplings text[], p_random_keys bytea[], p_finishes text[],
  p_consumer text, p_consumer_version integer, p_consumer_is_global boolean, p_consumer_from bigint,
  p_consumer_to bigint, p_measure text,
  out r_first bigint, out r_last bigint, out r_version bigint, out r_replayed boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_head       log.head;
  v_earlier    log.appends;
  v_experiment log.experiments;
  v_now        timestamptz;
  v_hash       bytea;
begin
  -- One append at a time, until commit. Whoever waits here sees, in the statements below, what the one before did.
  select * into strict v_head from log.head for update;
  v_now := clock_timestamp();

  select * into v_earlier from log.appends where key = p_key;
  if found then
    if v_earlier.digest <> p_digest or (p_name is not null and not exists (
      select from log.experiments where number = v_earlier.experiment and name = p_name
    )) then
      raise exception 'append key % was used before for other events', p_key
        using errcode = 'AD004', constraint = 'appends_key_reused';
    end if;
    r_first := v_earlier.first_position;
    r_last := v_earlier.last_position;
    r_version := v_earlier.first_version + r_last - r_first;
    r_replayed := true;
    return;
  end if;

  if p_name is not null then
    insert into log.experiments (id, version, last_position, created_at, number, name, state)
    values (p_experiment, 0, 0, v_now, (select coalesce(max(number), 0) + 1 from log.experiments), p_name,
            coalesce(p_state, 'created'));
  end if;

  select * into v_experiment from log.experiments where id = p_experiment for update;
  if not found then
    raise exception 'no experiment %', p_experiment using errcode = 'AD003', constraint = 'experiments_known';
  end if;
  if p_epoch <> v_experiment.epoch then
    raise exception 'epoch % of experiment % is stale', p_epoch, p_experiment
      using errcode = 'AD002', constraint = 'experiments_epoch_current',
            detail = json_build_object('current', v_experiment.epoch);
  end if;
  if p_expected_version is distinct from v_experiment.version then
    raise exception 'experiment % is not at version %', p_experiment, p_expected_version
      using errcode = 'AD001', constraint = 'experiments_version_expected',
            detail = json_build_object('found', v_experiment.version);
  end if;
  if coalesce(cardinality(p_types), 0) not between 1 and 10000 then
    raise exception 'an append holds 1 to 10000 events' using errcode = 'AD005', constraint = 'appends_events_limit';
  end if;

  if exists (select from unnest(p_causes) as c (cause) where cause = 0 or cause > v_head.position) then
    raise exception 'a cause is not in the log' using errcode = 'AD005', constraint = 'events_cause_recorded';
  end if;

  r_first := v_head.position + 1;
  r_last := v_head.position + cardinality(p_types);
  r_version := v_experiment.version + cardinality(p_types);
  r_replayed := false;

  -- A cause below 1 is the index of an event of this append, counted -1, -2, -3 …
  insert into log.events (position, cause, recorded_at, experiment, version, iteration, policy_version, schema_version,
                          type, body)
  select v_head.position + e.ordinality,
         case when e.cause < 0 then v_head.position - e.cause else e.cause end,
         v_now, v_experiment.number, v_experiment.version + e.ordinality, e.iteration, e.policy_version, e.schema_version, e.type, e.body::json
  from unnest(p_types, p_schema_versions, p_iterations, p_policy_versions, p_causes, p_bodies)
       with ordinality as e (type, schema_version, iteration, policy_version, cause, body, ordinality);

  if cardinality(p_generation_events) > 0 then
    insert into log.generations (position, tokens, log_probabilities, random_key, finish, sampling, prompt, completion)
    select v_head.position + g.event, g.tokens, g.log_probabilities, g.random_key, g.finish, g.sampling::json, g.prompt,
           g.completion
    from unnest(p_generation_events, p_tokens, p_log_probabilities, p_random_keys, p_finishes, p_samplings, p_prompts,
                p_completions)
         as g (event, tokens, log_probabilities, random_key, finish, sampling, prompt, completion);
  end if;

  v_hash := sha256(
    v_head.hash || p_digest || int8send(r_first) || int8send(r_last) || int8send(coalesce(p_epoch, -1))
    || int8send((extract(epoch from v_now) * 1000000)::bigint) || convert_to(p_key, 'UTF8'));

  insert into log.appends (first_position, last_position, first_version, epoch, recorded_at, experiment, key, digest,
                           previous_hash, hash, measure)
  values (r_first, r_last, v_experiment.version + 1, p_epoch, v_now, v_experiment.number, p_key, p_digest, v_head.hash,
          v_hash, p_measure::json);

  update log.experiments set version = r_version, last_position = r_last, state = coalesce(p_state, state)
  where number = v_experiment.number;

  update log.head set position = r_last, hash = v_hash;

  if p_consumer is not null then
    perform log.acknowledge(
      p_consumer, p_consumer_version, case when p_consumer_is_global then null else p_experiment end, p_consumer_from,
      coalesce(p_consumer_to, r_last));
  end if;

  -- A hint for whoever listens; readers that miss it poll.
  perform pg_notify('autodidact_log', r_last::text);
end
$$;

comment on function log.append is
  'Records the events of one append, all or none: idempotent by key, conditional on the version, fenced by the epoch.';

-- Writer epoch -------------------------------------------------------------------------------------------------------

create function log.epoch_lock(p_number integer, p_epoch bigint) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select hashtextextended('autodidact epoch ' || p_number || ' ' || p_epoch, 0)
$$;

comment on function log.epoch_lock is 'The advisory lock that the living writer of an epoch holds.';

create function log.raise_epoch(p_experiment uuid, p_take_over boolean, out r_epoch bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_experiment log.experiments;
begin
  select * into v_experiment from log.experiments where id = p_experiment for update;
  if not found then
    raise exception 'no experiment %', p_experiment using errcode = 'AD003', constraint = 'experiments_known';
  end if;
  -- The session lock says that the writer of an epoch lives; it stops nobody. The epoch does.
  if not p_take_over and not pg_try_advisory_xact_lock(log.epoch_lock(v_experiment.number, v_experiment.epoch)) then
    raise exception 'experiment % has a live writer', p_experiment
      using errcode = 'AD006', constraint = 'experiments_epoch_held',
            detail = json_build_object('current', v_experiment.epoch);
  end if;
  -- A lock that is taken already is a leftover of a raise that never committed: its epoch is skipped.
  r_epoch := v_experiment.epoch;
  loop
    r_epoch := r_epoch + 1;
    exit when pg_try_advisory_lock(log.epoch_lock(v_experiment.number, r_epoch));
  end loop;
  update log.experiments set epoch = r_epoch where number = v_experiment.number;
end
$$;

comment on function log.raise_epoch is
  'Makes the session the writer of an experiment: every older epoch is fenced off. Refused while the old writer lives, unless taking over.';

create function log.release_epoch(p_experiment uuid, p_epoch bigint) returns boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select pg_advisory_unlock(log.epoch_lock(number, p_epoch)) from log.experiments where id = p_experiment
$$;

comment on function log.release_epoch is 'Says that this session''s writer is done; the end of the session says so too.';

-- Consumers ----------------------------------------------------------------------------------------------------------

create function log.acknowledge(
  p_name text, p_version integer, p_experiment uuid, p_from bigint, p_to bigint, out r_stored boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_number integer;
  v_found  bigint;
  v_head   bigint;
begin
  if p_experiment is not null then
    select number into v_number from log.experiments where id = p_experiment;
    if not found then
      raise exception 'no experiment %', p_experiment using errcode = 'AD003', constraint = 'experiments_known';
    end if;
  end if;
  select position into strict v_head from log.head;
  if p_to > v_head then
    raise exception 'position % is beyond the head', p_to
      using errcode = 'AD008', constraint = 'consumers_position_exists', detail = json_build_object('head', v_head);
  end if;
  if p_to < p_from then
    raise exception 'consumers do not go backwards' using errcode = 'AD009', constraint = 'consumers_forward';
  end if;

  insert into log.consumers (position, updated_at, experiment, version, name, state)
  values (0, clock_timestamp(), v_number, p_version, p_name, 'running')
  on conflict on constraint consumers_unique do nothing;  -- it exists: compared and set below, under its lock

  select position into strict v_found from log.consumers
  where name = p_name and version = p_version and experiment is not distinct from v_number for update;
  r_stored := v_found <> p_to;
  if r_stored and v_found <> p_from then
    raise exception 'consumer % is not at position %', p_name, p_from
      using errcode = 'AD007', constraint = 'consumers_position_expected',
            detail = json_build_object('found', v_found);
  end if;
  if r_stored then
    update log.consumers set position = p_to, updated_at = clock_timestamp()
    where name = p_name and version = p_version and experiment is not distinct from v_number;
  end if;
end
$$;

comment on function log.acknowledge is
  'Compare-and-set of a consumer''s position. True: set. False: it was there already. Callable in the transaction of an effect.';

create function log.set_consumer_state(
  p_name text, p_version integer, p_experiment uuid, p_state text, p_failure text
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_number integer;
begin
  if p_experiment is not null then
    select number into v_number from log.experiments where id = p_experiment;
    if not found then
      raise exception 'no experiment %', p_experiment using errcode = 'AD003', constraint = 'experiments_known';
    end if;
  end if;
  insert into log.consumers (position, updated_at, experiment, version, name, state, failure)
  values (0, clock_timestamp(), v_number, p_version, p_name, p_state, p_failure)
  on conflict on constraint consumers_unique
  do update set state = excluded.state, failure = excluded.failure, updated_at = excluded.updated_at;
end
$$;

comment on function log.set_consumer_state is 'Pauses, resumes or fails a consumer.';

-- Roles --------------------------------------------------------------------------------------------------------------

revoke all on all functions in schema log from public;

do $$
declare
  v_role text;
begin
  foreach v_role in array array['autodidact_reader', 'autodidact_writer'] loop
    -- Roles belong to the whole server, and not everybody may create them: without them the owner does the work.
    if not exists (select from pg_roles where rolname = v_role)
       and (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) then
      begin
        execute format('create role %I nologin', v_role);
      exception when duplicate_object or unique_violation then
        null;  -- another database's migration created it a moment ago
      end;
    end if;
    if exists (select from pg_roles where rolname = v_role) then
      execute format('grant usage on schema log to %I', v_role);
      execute format('grant select on all tables in schema log to %I', v_role);
    end if;
  end loop;
  if exists (select from pg_roles where rolname = 'autodidact_writer') then
    grant execute on function log.append, log.raise_epoch, log.release_epoch, log.epoch_lock, log.acknowledge,
      log.set_consumer_state to autodidact_writer;
  end if;
end
$$;
