-- Segments, texts and snapshots: a log that grows for years (docs/events.md, "How the log is kept").
--
-- 1. log.events and log.generations are partitioned by ranges of position, the segments of log.segments. A segment that is
--    full can be sealed with a Merkle root, exported to a file and detached; the positions of the log go on without it.
--    What must be unique over the whole log (append keys, versions of an experiment) is in small tables that stay whole.
-- 2. Prompts and sampling parameters repeat, so each different one is stored once, in log.texts.
-- 3. read.snapshots keeps the folds as they were at some version, so that nothing reads a whole history to begin.
--
-- The tables of 0001 are copied into the new ones, in this one transaction, and the views of 0002 are made again over them.

create schema log_segments;

comment on schema log_segments is 'The partitions of log.events and log.generations, one pair a segment. Read them through their parents.';

-- The views of 0002, as they are, to be made again --------------------------------------------------------------------

create temporary table saved_views on commit drop as
select row_number() over (order by c.oid) as place, format('%I.%I', n.nspname, c.relname) as name,
       pg_get_viewdef(c.oid) as definition, obj_description(c.oid, 'pg_class') as comment,
       (select json_object_agg(a.attname, col_description(c.oid, a.attnum))
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
          and col_description(c.oid, a.attnum) is not null) as column_comments,
       (select json_agg(json_build_object('grantee', g.grantee::regrole::text, 'privilege', g.privilege_type))
        from aclexplode(c.relacl) g where g.grantee not in (0, c.relowner)) as grants
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('read', 'analytics') and c.relkind = 'v';

do $$
declare
  v_name text;
begin
  for v_name in select name from saved_views order by place desc loop
    execute 'drop view ' || v_name;
  end loop;
end
$$;

-- The tables of 0001 step aside --------------------------------------------------------------------------------------

create schema log_before;
alter table log.events set schema log_before;
alter table log.generations set schema log_before;

-- Segments -----------------------------------------------------------------------------------------------------------

alter table log.head add column segment_positions bigint not null default 1000000
  constraint head_segment_positions_limit check (segment_positions between 2 and 1000000000);
comment on column log.head.segment_positions is 'Positions of the next segment to be made (autodidact archive size).';

create table log.segments (
  first_position bigint      not null,
  last_position  bigint      not null,
  sealed_at      timestamptz,
  exported_at    timestamptz,
  detached_at    timestamptz,
  file_bytes     bigint,
  number         integer     primary key,
  state          text        not null default 'open'
    constraint segments_state_known check (state in ('open', 'sealed', 'exported', 'detached')),
  root           bytea       constraint segments_root_is_sha256 check (octet_length(root) = 32),
  file_digest    bytea       constraint segments_file_digest_is_sha256 check (octet_length(file_digest) = 32),
  file           text        constraint segments_file_limit check (octet_length(file) between 1 and 4096),
  constraint segments_first_position_unique unique (first_position),
  constraint segments_last_position_unique unique (last_position),
  constraint segments_are_ranges check (first_position between 1 and last_position),
  constraint segments_sealed_have_roots check ((state = 'open') = (root is null)),
  constraint segments_exported_have_files check (state not in ('exported', 'detached') or num_nulls(file, file_digest) = 0)
);

comment on table log.segments is 'The ranges of positions that events and generations are kept in, without gap or overlap; the last is being filled.';
comment on column log.segments.first_position is 'First position.';
comment on column log.segments.last_position is 'Last position; of the open ones, what will be.';
comment on column log.segments.sealed_at is 'When it was sealed; null until then.';
comment on column log.segments.exported_at is 'When its file was recorded; null until then.';
comment on column log.segments.detached_at is 'When its rows were removed from the database; null while they are in it.';
comment on column log.segments.file_bytes is 'Size of its file.';
comment on column log.segments.number is '1, 2, 3 …';
comment on column log.segments.state is 'open, sealed (full, and root computed), exported (in a file too), detached (in the file only).';
comment on column log.segments.root is 'Root of the Merkle tree over its events and generations (EventLeaf); null while open.';
comment on column log.segments.file_digest is 'sha256 of the file.';
comment on column log.segments.file is 'Path of the archive file as it was exported.';

-- Texts --------------------------------------------------------------------------------------------------------------

create table log.texts (
  number integer generated always as identity primary key,
  digest bytea   not null constraint texts_digest_unique unique
                 constraint texts_digest_is_sha256 check (octet_length(digest) = 32),
  text   text    not null constraint texts_limit check (octet_length(text) <= 1048576)
);

comment on table log.texts is 'Prompts and sampling parameters, each different one once. Rows are never changed or removed.';
comment on column log.texts.number is 'What generations refer to. Means nothing outside this database.';
comment on column log.texts.digest is 'sha256 of the text as UTF-8.';
comment on column log.texts.text is 'The text; U+0000 became U+FFFD.';

-- Events and generations, partitioned --------------------------------------------------------------------------------

create table log.events (
  position       bigint      not null,
  cause          bigint      constraint events_cause_precedes check (cause >= 1 and cause < position),
  recorded_at    timestamptz not null,
  experiment     integer     not null,
  version        integer     not null constraint events_version_positive check (version >= 1),
  iteration      integer,
  policy_version integer,
  checksum       integer,
  schema_version smallint    not null constraint events_schema_version_positive check (schema_version >= 1),
  type           text        not null constraint events_type_limit check (octet_length(type) between 1 and 64),
  body           json        not null
    constraint events_body_limit check (octet_length(body::text) <= 1048576)
    constraint events_body_is_object check (json_typeof(body) = 'object'),
  constraint events_position_unique primary key (position)
) partition by range (position);

-- Each partition has a unique index on (experiment, version) besides; over all of them, log.appends has one.
create index events_of_iterations on log.events (experiment, type, position)
  where type in ('IterationStarted', 'WeightsUpdated', 'UpdateSkipped', 'CheckpointSaved');

create table log.generations (
  position          bigint  not null,
  prompt            integer not null,
  sampling          integer not null,
  checksum          integer,
  finish            text    not null constraint generations_finish_limit check (octet_length(finish) <= 64),
  random_key        bytea   not null constraint generations_random_key_limit check (octet_length(random_key) <= 200),
  tokens            bytea   not null constraint generations_tokens_limit check (octet_length(tokens) <= 4 * 131072),
  log_probabilities bytea   not null,
  completion        text    not null constraint generations_completion_limit check (octet_length(completion) <= 1048576),
  constraint generations_position_unique primary key (position),
  constraint generations_lengths_agree check (octet_length(tokens) = octet_length(log_probabilities)),
  constraint generations_tokens_are_words check (octet_length(tokens) % 4 = 0)
) partition by range (position);

-- Log-probabilities are noise to a compressor: time is saved by not trying.
alter table log.generations alter column log_probabilities set storage external;

-- lz4 is several times quicker than pglz; a server built without it keeps pglz.
do $$
begin
  alter table log.texts alter column text set compression lz4;
  alter table log.events alter column body set compression lz4;
  alter table log.generations alter column tokens set compression lz4, alter column completion set compression lz4;
exception when feature_not_supported then null;
end
$$;

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
comment on table log.generations is 'The sampled tokens behind a proposal or an attempt, written with their event.';
comment on column log.generations.position is 'Position of the event.';
comment on column log.generations.prompt is 'The prompt as text, for people: log.texts.number. read.generations has it joined.';
comment on column log.generations.sampling is 'Sampling parameters, one JSON object: log.texts.number. read.generations has it joined.';
comment on column log.events.checksum is 'CRC-32 of the event''s canonical bytes: tells which row of a bad append is damaged. Null before migration 0003.';
comment on column log.generations.checksum is 'CRC-32 of the generation''s canonical bytes: tells which row of a bad append is damaged. Null before migration 0003.';
comment on column log.generations.finish is 'Why sampling ended.';
comment on column log.generations.random_key is 'Key of the counter-based generator that drew the tokens.';
comment on column log.generations.tokens is 'Sampled token ids, little-endian int32, without the prompt''s.';
comment on column log.generations.log_probabilities is 'Natural-log probability of each token when drawn, little-endian float32.';
comment on column log.generations.completion is 'The completion as text, for people; U+0000 became U+FFFD.';

create trigger append_only before update or delete or truncate on log.events
  for each statement execute function log.refuse();
create trigger append_only before update or delete or truncate on log.generations
  for each statement execute function log.refuse();
create trigger append_only before update or delete or truncate on log.texts
  for each statement execute function log.refuse();
create trigger never_removed before delete or truncate on log.segments
  for each statement execute function log.refuse();

-- A version of an experiment is recorded once in the whole log: appends begin at different versions, and log.append lets
-- each begin where the one before ended.
alter table log.appends add constraint appends_version_unique unique (experiment, first_version);

create function log.make_partition(p_table text, p_number integer, p_first bigint, p_last bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_name text := p_table || '_' || p_number;
begin
  -- Made apart and attached: that lets readers and writers of the other partitions go on.
  execute format('create table log_segments.%I (like log.%I including all)', v_name, p_table);
  -- The same as the bounds: attaching needs no scan.
  execute format('alter table log_segments.%I add constraint %I check (position between %s and %s)',
                 v_name, v_name || '_range', p_first, p_last);
  if p_table = 'events' then
    execute format('alter table log_segments.%I add constraint %I unique (experiment, version)',
                   v_name, v_name || '_version_unique');
  end if;
  execute format('create trigger append_only before update or delete or truncate on log_segments.%I '
                 'for each statement execute function log.refuse()', v_name);
end
$$;

comment on function log.make_partition is 'Makes the partition of a segment, not attached yet.';

create function log.attach_partition(p_table text, p_number integer, p_first bigint, p_last bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  execute format('alter table log.%I attach partition log_segments.%I for values from (%s) to (%s)',
                 p_table, p_table || '_' || p_number, p_first, p_last + 1);
end
$$;

comment on function log.attach_partition is 'Makes a segment''s partition part of the table.';

create function log.add_segment() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_number integer;
  v_first  bigint;
  v_last   bigint;
begin
  select coalesce(max(number), 0) + 1, coalesce(max(last_position), 0) + 1 into v_number, v_first from log.segments;
  select v_first + segment_positions - 1 into v_last from log.head;
  perform log.make_partition('events', v_number, v_first, v_last);
  perform log.attach_partition('events', v_number, v_first, v_last);
  perform log.make_partition('generations', v_number, v_first, v_last);
  perform log.attach_partition('generations', v_number, v_first, v_last);
  insert into log.segments (number, first_position, last_position) values (v_number, v_first, v_last);
  return v_last;
end
$$;

comment on function log.add_segment is 'Makes the next segment and its partitions. Returns its last position. log.append calls it under the lock of log.head.';

create function log.make_room(p_last bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_room bigint;
begin
  select coalesce(max(last_position), 0) into v_room from log.segments;
  while v_room < p_last loop
    v_room := log.add_segment();
  end loop;
end
$$;

comment on function log.make_room is 'Makes the segments that an append up to a position needs, if they are not there.';

-- What was recorded before moves over --------------------------------------------------------------------------------

do $$ begin perform log.make_room(greatest(position, 1)) from log.head; end $$;

insert into log.events (position, cause, recorded_at, experiment, version, iteration, policy_version, schema_version, type,
                        body)
select position, cause, recorded_at, experiment, version, iteration, policy_version, schema_version, type, body
from log_before.events order by position;

insert into log.texts (digest, text)
select digest, min(text) from (
  select sha256(convert_to(prompt, 'UTF8')) as digest, prompt as text from log_before.generations
  union all
  select sha256(convert_to(sampling::text, 'UTF8')), sampling::text from log_before.generations
) as t group by digest;

insert into log.generations (position, prompt, sampling, finish, random_key, tokens, log_probabilities, completion)
select g.position, p.number, s.number, g.finish, g.random_key, g.tokens, g.log_probabilities, g.completion
from log_before.generations g
join log.texts p on p.digest = sha256(convert_to(g.prompt, 'UTF8'))
join log.texts s on s.digest = sha256(convert_to(g.sampling::text, 'UTF8'))
order by g.position;

do $$
begin
  if (select count(*) from log.events) <> (select count(*) from log_before.events)
     or (select count(*) from log.generations) <> (select count(*) from log_before.generations) then
    raise exception 'not every row was moved';
  end if;
end
$$;

drop table log_before.events, log_before.generations;
drop schema log_before;

-- The views of 0002 again --------------------------------------------------------------------------------------------

-- PostgreSQL 15 does not leave out a left join with a partitioned table that nobody asks of, so these two ask for tokens in
-- subqueries: a query that wants none does not touch the generations.
update saved_views set definition = $view$
select x.name as experiment, m.proposal, split_part(m.proposal, '.', 2) as kind, m.iteration,
       split_part(m.proposal, '.', 3)::integer as slot, m.policy_version,
       case when v.position is not null then v.refusal is null end as accepted, v.refusal, v.detail,
       v.problem ->> 'program' as program, v.problem #>> '{pairs,0,input}' as input,
       v.problem #>> '{pairs,0,output}' as output, v.problem -> 'pairs' as pairs, v.problem ->> 'message' as message,
       coalesce(p.attempts, 0) as probes, coalesce(p.correct, 0) as probes_correct,
       case when p.attempts > 0 and v.refusal is null then
         case when p.correct > 0 and p.correct < p.attempts then 1 - p.correct::float8 / p.attempts else 0 end
       end as learnability,
       case
         when s.formula <> 'azr-composite/1' or m.iteration = 0 then null
         when v.refusal = 'duplicate' then s.reward_duplicate
         when v.refusal is not null then s.reward_malformed
         when v.position is null or p.attempts is null then null
         when p.correct > 0 and p.correct < p.attempts then 1 - p.correct::float8 / p.attempts
         else s.reward_unlearnable
       end as reward,
       (select octet_length(g.tokens) / 4 from log.generations g where g.position = m.position) as tokens,
       (select read.log_probability_sum(g.log_probabilities) from log.generations g where g.position = m.position)
         as log_probability_sum,
       (select g.finish from log.generations g where g.position = m.position) as finish,
       (select g.completion from log.generations g where g.position = m.position) as completion, m.position, v.position as verified_position, m.recorded_at as made_at
from (
  select experiment, position, iteration, policy_version, recorded_at, body ->> 'proposal' as proposal
  from log.events where type = 'ProposalMade'
) as m
join log.experiments x on x.number = m.experiment
left join read.settings s on s.number = m.experiment
left join (
  select cause, position, body ->> 'refusal' as refusal, body ->> 'detail' as detail, body -> 'problem' as problem
  from log.events where type = 'ProposalVerified'
) as v on v.cause = m.position
left join (
  select experiment, iteration, body ->> 'problem' as problem, count(*) as attempts,
         count(*) filter (where body ->> 'verdict' = 'correct') as correct
  from log.events where type = 'AttemptVerified' and split_part(body ->> 'attempt', '.', 2) = 'probe'
  group by experiment, iteration, body ->> 'problem'
) as p on p.experiment = m.experiment and p.iteration = m.iteration and p.problem = m.proposal
$view$ where name = 'read.proposals';

update saved_views set definition = $view$
select x.name as experiment, m.attempt, split_part(m.attempt, '.', 2) as purpose, split_part(m.attempt, '.', 3) as kind,
       m.problem, m.iteration, split_part(m.attempt, '.', 4)::integer as slot,
       split_part(m.attempt, '.', 5)::integer as sample, m.policy_version, v.verdict, v.answer, v.detail,
       case
         when s.formula <> 'azr-composite/1' or split_part(m.attempt, '.', 2) <> 'solve' then null
         when v.verdict = 'correct' then 1
         when v.verdict = 'malformed' then s.reward_malformed
         when v.verdict is not null then s.reward_incorrect
       end as reward,
       (select octet_length(g.tokens) / 4 from log.generations g where g.position = m.position) as tokens,
       (select read.log_probability_sum(g.log_probabilities) from log.generations g where g.position = m.position)
         as log_probability_sum,
       (select g.finish from log.generations g where g.position = m.position) as finish,
       (select g.completion from log.generations g where g.position = m.position) as completion, m.position, v.position as verified_position, m.recorded_at as made_at
from (
  select experiment, position, iteration, policy_version, recorded_at, body ->> 'attempt' as attempt,
         body ->> 'problem' as problem
  from log.events where type = 'AttemptMade'
) as m
join log.experiments x on x.number = m.experiment
left join read.settings s on s.number = m.experiment
left join (
  select cause, position, body ->> 'verdict' as verdict, body ->> 'answer' as answer, body ->> 'detail' as detail
  from log.events where type = 'AttemptVerified'
) as v on v.cause = m.position
$view$ where name = 'read.attempts';

do $$
declare
  v_view   record;
  v_column record;
  v_grant  record;
begin
  for v_view in select * from saved_views order by place loop
    execute format('create view %s as %s', v_view.name, v_view.definition);
    if v_view.comment is not null then
      execute format('comment on view %s is %L', v_view.name, v_view.comment);
    end if;
    for v_column in select * from json_each_text(v_view.column_comments) loop
      execute format('comment on column %s.%I is %L', v_view.name, v_column.key, v_column.value);
    end loop;
    for v_grant in
      select * from json_to_recordset(v_view.grants) as g (grantee text, privilege text)
    loop
      execute format('grant %s on %s to %s', v_grant.privilege, v_view.name, v_grant.grantee);
    end loop;
  end loop;
end
$$;

create view read.generations as
select x.name as experiment, g.position, octet_length(g.tokens) / 4 as tokens, p.text as prompt, g.completion, s.text::json as sampling,
       g.finish, g.random_key, g.tokens as token_ids, g.log_probabilities
from log.generations g
join log.events e on e.position = g.position
join log.experiments x on x.number = e.experiment
left join log.texts p on p.number = g.prompt
left join log.texts s on s.number = g.sampling;

comment on view read.generations is 'One row a generation, with its prompt and sampling parameters.';
comment on column read.generations.experiment is 'Name of the experiment.';
comment on column read.generations.position is 'Position of its ProposalMade or AttemptMade.';
comment on column read.generations.tokens is 'Tokens sampled.';
comment on column read.generations.prompt is 'The prompt as text.';
comment on column read.generations.completion is 'What was sampled, as text.';
comment on column read.generations.sampling is 'Sampling parameters.';
comment on column read.generations.finish is 'Why sampling ended.';
comment on column read.generations.random_key is 'Key of the counter-based generator that drew the tokens.';
comment on column read.generations.token_ids is 'Token ids, little-endian int32, without the prompt''s.';
comment on column read.generations.log_probabilities is 'Natural-log probability of each token when drawn, little-endian float32.';

create view read.consumers as
select x.name as experiment, c.name as consumer, c.version, c.state, c.failure, c.position,
       coalesce(x.last_position, h.position) as head,
       greatest(coalesce(x.last_position, h.position) - c.position, 0) as lag, c.updated_at
from log.consumers c
left join log.experiments x on x.number = c.experiment
cross join log.head h;

comment on view read.consumers is 'Who reads the log, how far, and what stopped it.';
comment on column read.consumers.consumer is 'Its name.';
comment on column read.consumers.version is 'Version of its code.';
comment on column read.consumers.experiment is 'Name of the experiment it reads; null reads all.';
comment on column read.consumers.state is 'running, paused, or failed.';
comment on column read.consumers.failure is 'What stopped it.';
comment on column read.consumers.position is 'Everything up to here is dealt with.';
comment on column read.consumers.head is 'Last position of its experiment, or of the log.';
comment on column read.consumers.lag is 'Positions between the two.';
comment on column read.consumers.updated_at is 'Last change.';

-- Append -------------------------------------------------------------------------------------------------------------

drop function log.append;

create function log.keep_texts(p_texts text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into log.texts (digest, text)
  select t.digest, min(t.text)
  from (select sha256(convert_to(u.text, 'UTF8')) as digest, u.text from (select distinct unnest(p_texts) as text) as u) as t
  where not exists (select from log.texts k where k.digest = t.digest)
  group by t.digest
  on conflict (digest) do nothing  -- a restored segment added it meanwhile
$$;

comment on function log.keep_texts is 'Stores the texts that are not stored yet.';

create function log.append(
  p_key text, p_experiment uuid, p_name text, p_expected_version bigint, p_epoch bigint, p_state text, p_digest bytea,
  p_types text[], p_schema_versions integer[], p_iterations integer[], p_policy_versions integer[], p_causes bigint[],
  p_bodies text[],
  p_generation_events integer[], p_tokens bytea[], p_log_probabilities bytea[], p_prompts text[], p_completions text[],
  p_samplings text[], p_random_keys bytea[], p_finishes text[],
  p_consumer text, p_consumer_version integer, p_consumer_is_global boolean, p_consumer_from bigint,
  p_consumer_to bigint, p_measure text, p_event_checksums integer[] default null,
  p_generation_checksums integer[] default null,
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

  perform log.make_room(r_last);

  -- A cause below 1 is the index of an event of this append, counted -1, -2, -3 …
  insert into log.events (position, cause, recorded_at, experiment, version, iteration, policy_version, schema_version,
                          checksum, type, body)
  select v_head.position + e.ordinality,
         case when e.cause < 0 then v_head.position - e.cause else e.cause end,
         v_now, v_experiment.number, v_experiment.version + e.ordinality, e.iteration, e.policy_version, e.schema_version,
         e.checksum, e.type, e.body::json
  from unnest(p_types, p_schema_versions, p_iterations, p_policy_versions, p_causes, p_bodies, p_event_checksums)
       with ordinality as e (type, schema_version, iteration, policy_version, cause, body, checksum, ordinality);

  if cardinality(p_generation_events) > 0 then
    if exists (select from (select distinct unnest(p_samplings) as text) as s where json_typeof(s.text::json) <> 'object') then
      raise exception 'sampling parameters are a JSON object'
        using errcode = 'AD005', constraint = 'generations_sampling_is_object';
    end if;
    perform log.keep_texts(p_prompts || p_samplings);
    insert into log.generations (position, prompt, sampling, checksum, finish, random_key, tokens, log_probabilities,
                                 completion)
    select v_head.position + g.event, p.number, s.number, g.checksum, g.finish, g.random_key, g.tokens, g.log_probabilities,
           g.completion
    from unnest(p_generation_events, p_tokens, p_log_probabilities, p_random_keys, p_finishes, p_samplings, p_prompts,
                p_completions, p_generation_checksums)
         as g (event, tokens, log_probabilities, random_key, finish, sampling, prompt, completion, checksum)
    join log.texts p on p.digest = sha256(convert_to(g.prompt, 'UTF8'))
    join log.texts s on s.digest = sha256(convert_to(g.sampling, 'UTF8'));
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

-- Reading what may be detached ---------------------------------------------------------------------------------------

create function log.require_attached(p_after bigint, p_last bigint, p_experiment uuid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_segment log.segments;
begin
  for v_segment in
    select * from log.segments
    where state = 'detached' and last_position > p_after and first_position <= p_last order by first_position
  loop
    if p_experiment is null or exists (
      select from log.appends a
      where a.experiment = (select number from log.experiments where id = p_experiment)
        and a.first_position <= v_segment.last_position
        and a.last_position > greatest(p_after, v_segment.first_position - 1)
    ) then
      raise exception 'positions % to % are not in the database: they are in %',
                      v_segment.first_position, v_segment.last_position, v_segment.file
        using errcode = 'AD011', constraint = 'segments_attached',
              detail = json_build_object('first', v_segment.first_position, 'last', v_segment.last_position,
                                         'number', v_segment.number);
    end if;
  end loop;
  return true;
end
$$;

comment on function log.require_attached is
  'True if what lies after one position, up to another, is in the database, of one experiment or of all; else an error that names the file.';

-- Sealing, exporting, detaching, restoring ---------------------------------------------------------------------------

create function log.require_segment(p_number integer, variadic p_states text[]) returns log.segments
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_segment log.segments;
begin
  select * into v_segment from log.segments where number = p_number for update;
  if not found then
    raise exception 'no segment %', p_number using errcode = 'AD012', constraint = 'segments_known';
  end if;
  if not v_segment.state = any(p_states) then
    raise exception 'segment % is %', p_number, v_segment.state
      using errcode = 'AD013', constraint = 'segments_state_allows';
  end if;
  return v_segment;
end
$$;

comment on function log.require_segment is 'The segment, locked, if it is in one of the states; else an error.';

create function log.seal_segment(p_number integer, p_root bytea) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_segment log.segments := log.require_segment(p_number, 'open');
begin
  if v_segment.last_position > (select position from log.head) then
    raise exception 'segment % is not full', p_number using errcode = 'AD014', constraint = 'segments_full';
  end if;
  update log.segments set state = 'sealed', root = p_root, sealed_at = clock_timestamp() where number = p_number;
end
$$;

comment on function log.seal_segment is 'Records the root of a full segment.';

create function log.record_export(p_number integer, p_root bytea, p_file text, p_file_digest bytea, p_file_bytes bigint)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_segment log.segments := log.require_segment(p_number, 'sealed', 'exported');
begin
  if v_segment.root <> p_root then
    raise exception 'the root of segment % is another', p_number using errcode = 'AD015', constraint = 'segments_root_agrees';
  end if;
  update log.segments set state = 'exported', file = p_file, file_digest = p_file_digest, file_bytes = p_file_bytes,
                          exported_at = clock_timestamp()
  where number = p_number;
end
$$;

comment on function log.record_export is 'Records the file of a sealed segment.';

create function log.detach_segment(p_number integer) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_segment log.segments := log.require_segment(p_number, 'exported');
  v_name    text;
begin
  select x.name into v_name from log.experiments x
  where x.state not in ('finished', 'stopped') and exists (
    select from log.appends a
    where a.experiment = x.number and a.first_position <= v_segment.last_position
      and a.last_position >= v_segment.first_position)
  order by x.number limit 1;
  if found then
    raise exception 'segment % holds events of %, which is neither finished nor stopped', p_number, v_name
      using errcode = 'AD016', constraint = 'segments_no_longer_needed';
  end if;
  execute format('alter table log.events detach partition log_segments.%I', 'events_' || p_number);
  execute format('alter table log.generations detach partition log_segments.%I', 'generations_' || p_number);
  execute format('drop table log_segments.%I, log_segments.%I', 'events_' || p_number, 'generations_' || p_number);
  update log.segments set state = 'detached', detached_at = clock_timestamp() where number = p_number;
end
$$;

comment on function log.detach_segment is
  'Removes the rows of an exported segment from the database. For the owner: the file must have been checked against its root.';

create function log.set_segment_size(p_positions bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_segment log.segments;
begin
  perform from log.head for update;
  update log.head set segment_positions = p_positions;
  select * into v_segment from log.segments order by number desc limit 1;
  -- The last one is made again if nothing is in it yet.
  if v_segment.first_position > (select position from log.head) then
    execute format('drop table log_segments.%I, log_segments.%I', 'events_' || v_segment.number,
                   'generations_' || v_segment.number);
    v_segment.last_position := v_segment.first_position + p_positions - 1;
    perform log.make_partition(t, v_segment.number, v_segment.first_position, v_segment.last_position),
            log.attach_partition(t, v_segment.number, v_segment.first_position, v_segment.last_position)
    from unnest(array['events', 'generations']) as t;
    update log.segments set last_position = v_segment.last_position where number = v_segment.number;
  end if;
end
$$;

comment on function log.set_segment_size is 'Sets how many positions the segments have that nothing is in yet. For the owner.';

-- Snapshots ----------------------------------------------------------------------------------------------------------

create table read.snapshots (
  version    bigint      not null,
  position   bigint      not null,
  saved_at   timestamptz not null,
  experiment integer     not null,
  fold       text        not null constraint snapshots_fold_limit check (octet_length(fold) between 1 and 200),
  digest     bytea       not null constraint snapshots_digest_is_sha256 check (octet_length(digest) = 32),
  bytes      bytea       not null constraint snapshots_bytes_limit check (octet_length(bytes) <= 268435456),
  primary key (experiment, fold, version)
);

comment on table read.snapshots is
  'Folds as they were at some version of an experiment, so that nobody folds a whole history to begin. All of it can be deleted.';
comment on column read.snapshots.version is 'Version of the last event taken.';
comment on column read.snapshots.position is 'Its position.';
comment on column read.snapshots.saved_at is 'When it was saved.';
comment on column read.snapshots.experiment is 'log.experiments.number.';
comment on column read.snapshots.fold is 'Name and version of the fold''s code: another version finds none and folds from the beginning.';
comment on column read.snapshots.digest is 'sha256 of the bytes.';
comment on column read.snapshots.bytes is 'The fold, in the encoding of its code.';

create function read.save_snapshot(
  p_experiment uuid, p_fold text, p_version bigint, p_position bigint, p_bytes bytea, p_keep integer
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_number integer;
begin
  select number into v_number from log.experiments where id = p_experiment;
  if not found then
    raise exception 'no experiment %', p_experiment using errcode = 'AD003', constraint = 'experiments_known';
  end if;
  insert into read.snapshots (version, position, saved_at, experiment, fold, digest, bytes)
  values (p_version, p_position, clock_timestamp(), v_number, p_fold, sha256(p_bytes), p_bytes)
  on conflict (experiment, fold, version)
  do update set position = excluded.position, saved_at = excluded.saved_at, digest = excluded.digest, bytes = excluded.bytes;
  delete from read.snapshots s where s.experiment = v_number and s.fold = p_fold and s.version not in (
    select k.version from read.snapshots k where k.experiment = v_number and k.fold = p_fold
    order by k.version desc limit p_keep);
end
$$;

comment on function read.save_snapshot is 'Saves a fold and keeps the newest few of its kind.';

-- Consumers: one that is paused or failed acknowledges nothing ---------------------------------------------------------

create or replace function log.acknowledge(
  p_name text, p_version integer, p_experiment uuid, p_from bigint, p_to bigint, out r_stored boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_number integer;
  v_found  bigint;
  v_state  text;
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

  select position, state into strict v_found, v_state from log.consumers
  where name = p_name and version = p_version and experiment is not distinct from v_number for update;
  r_stored := v_found <> p_to;
  if r_stored and v_found <> p_from then
    raise exception 'consumer % is not at position %', p_name, p_from
      using errcode = 'AD007', constraint = 'consumers_position_expected',
            detail = json_build_object('found', v_found);
  end if;
  if r_stored and v_state <> 'running' then
    raise exception 'consumer % is %', p_name, v_state using errcode = 'AD017', constraint = 'consumers_running';
  end if;
  if r_stored then
    update log.consumers set position = p_to, updated_at = clock_timestamp()
    where name = p_name and version = p_version and experiment is not distinct from v_number;
  end if;
end
$$;

-- Roles, granted again at each migration -----------------------------------------------------------------------------

create function log.grant_roles() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_role text;
begin
  foreach v_role in array array['autodidact_reader', 'autodidact_writer'] loop
    continue when not exists (select from pg_roles where rolname = v_role);
    execute format('grant usage on schema log, read, analytics to %I', v_role);
    execute format('grant select on all tables in schema log, read, analytics to %I', v_role);
    execute format('grant execute on function log.require_attached to %I', v_role);
    -- Whoever migrates may work as the roles that daemon and command line take: a superuser always may, others as members.
    if not pg_has_role(current_user, v_role, 'member') then
      begin
        execute format('grant %I to current_user', v_role);
      exception when insufficient_privilege then
        raise notice 'user % cannot be made a member of %', current_user, v_role;
      end;
    end if;
  end loop;
  if exists (select from pg_roles where rolname = 'autodidact_writer') then
    grant execute on function log.append, log.raise_epoch, log.release_epoch, log.epoch_lock, log.acknowledge,
      log.set_consumer_state, log.seal_segment, log.record_export, read.save_snapshot to autodidact_writer;
  end if;
end
$$;

comment on function log.grant_roles is
  'Gives the roles what they need, and whoever migrates the right to take them. autodidact migrate calls it each time, for roles made later.';

revoke all on all functions in schema log from public;
revoke all on function read.save_snapshot from public;

do $$ begin perform log.grant_roles(); end $$;
