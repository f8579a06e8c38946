-- Stored projections (docs/sql.md, "Projections"): folds over the log, kept in tables.
--
-- Each version of a projection has tables of its own, projection.NAME_VERSION, one row set an experiment; the views
-- projection.NAME show the rows of the current version. A new version is built beside the old one and becomes the current one
-- in one transaction (projection.make_current), so that no query ever finds the tables empty.
--
-- Everything here can be thrown away and folded again: autodidact projection rebuild. The daemon writes rows and its
-- acknowledgement (log.consumers, projection/NAME) in one transaction; autodidact projection verify compares them with the log.

create schema projection;

comment on schema projection is 'Folds over the log, kept in tables: projection.NAME_VERSION, and projection.NAME for the current version. Can be rebuilt from the log.';

create table projection.versions (
  made_at     timestamptz not null default clock_timestamp(),
  switched_at timestamptz,
  version     integer     not null constraint versions_version_positive check (version >= 1),
  is_current  boolean     not null default false,
  name        text        not null constraint versions_name_form check (name ~ '^[a-z][a-z_]{0,40}$'),
  tables      text[]      not null,
  primary key (name, version)
);
create unique index versions_one_current on projection.versions (name) where is_current;

comment on table projection.versions is 'The versions of projections that have tables.';
comment on column projection.versions.made_at is 'When its tables were made.';
comment on column projection.versions.switched_at is 'When it became the current one; null for one that never did, and for the first.';
comment on column projection.versions.version is 'Version of the fold''s code.';
comment on column projection.versions.is_current is 'Whether projection.NAME shows its rows.';
comment on column projection.versions.name is 'The projection.';
comment on column projection.versions.tables is 'Its tables, without the version.';

-- Attempts -----------------------------------------------------------------------------------------------------------

create table projection.attempts_1 (
  position          bigint      not null,
  verified_position bigint,
  made_at           timestamptz not null,
  experiment        integer     not null,
  iteration         integer     not null,
  policy_version    integer,
  slot              integer     not null,
  sample            integer     not null,
  tokens            integer,
  purpose           text        not null,
  kind              text        not null,
  problem           text        not null,
  verdict           text,
  primary key (experiment, position)
);
create index on projection.attempts_1 (experiment, problem);

comment on table projection.attempts_1 is
'One row an attempt, under the experiment that recorded it. Everything a reward is computed from; answers and tokens are in the log, at
its positions.';
comment on column projection.attempts_1.position is 'Position of AttemptMade; its generation lies at the same one.';
comment on column projection.attempts_1.verified_position is 'Position of AttemptVerified; null until then.';
comment on column projection.attempts_1.made_at is 'When it was recorded.';
comment on column projection.attempts_1.experiment is 'log.experiments.number.';
comment on column projection.attempts_1.iteration is 'Iteration.';
comment on column projection.attempts_1.policy_version is 'Version of the weights that answered.';
comment on column projection.attempts_1.slot is 'For a probe that of the proposal, for a solve the place in the solve batch.';
comment on column projection.attempts_1.sample is 'Counts the attempts of one slot.';
comment on column projection.attempts_1.tokens is 'Tokens sampled for it; null without a generation.';
comment on column projection.attempts_1.purpose is 'probe, solve or evaluate.';
comment on column projection.attempts_1.kind is 'deduction, abduction or induction.';
comment on column projection.attempts_1.problem is 'The problem it answers.';
comment on column projection.attempts_1.verdict is 'What the verifier said; null until it is verified.';

-- Proposals ----------------------------------------------------------------------------------------------------------

create table projection.proposals_1 (
  position          bigint      not null,
  verified_position bigint,
  made_at           timestamptz not null,
  experiment        integer     not null,
  iteration         integer     not null,
  policy_version    integer,
  slot              integer     not null,
  tokens            integer,
  accepted          boolean,
  kind              text        not null,
  proposal          text        not null,
  refusal           text,
  primary key (experiment, position)
);

comment on table projection.proposals_1 is 'One row a proposal, under the experiment that recorded it.';
comment on column projection.proposals_1.position is 'Position of ProposalMade; its generation lies at the same one.';
comment on column projection.proposals_1.verified_position is 'Position of ProposalVerified; null until then.';
comment on column projection.proposals_1.made_at is 'When it was recorded.';
comment on column projection.proposals_1.experiment is 'log.experiments.number.';
comment on column projection.proposals_1.iteration is 'Iteration; 0 is seeding.';
comment on column projection.proposals_1.policy_version is 'Version of the weights that wrote it.';
comment on column projection.proposals_1.slot is 'Place among the proposals of its kind and iteration.';
comment on column projection.proposals_1.tokens is 'Tokens sampled for it; null without a generation.';
comment on column projection.proposals_1.accepted is 'Whether it became a problem; null until it is verified.';
comment on column projection.proposals_1.kind is 'deduction, abduction or induction.';
comment on column projection.proposals_1.proposal is 'Its id; the id of the problem if it is accepted.';
comment on column projection.proposals_1.refusal is 'Why it was refused; null if it was not.';

-- Problems -----------------------------------------------------------------------------------------------------------

create table projection.problems_1 (
  position               bigint  not null,
  verified_position      bigint,
  admitted_position      bigint,
  experiment             integer not null,
  iteration              integer not null,
  policy_version         integer,
  slot                   integer not null,
  probes                 integer not null,
  probes_correct         integer not null,
  attempts               integer not null,
  correct                integer not null,
  first_solved_version   integer,
  last_solved_version    integer,
  last_attempted_version integer,
  given                  boolean not null,
  inherited              boolean not null,
  kind                   text    not null,
  problem                text    not null,
  primary key (experiment, problem)
) with (fillfactor = 80);

comment on table projection.problems_1 is
'One row an accepted problem and experiment, with how attempts at it went. A fork has the problems it shares with its parent too, with
the attempts of the shared history and its own; they are marked inherited. Programs and pairs are in the log, at verified_position.';
comment on column projection.problems_1.position is 'Position of ProposalMade; of the event with the settings for a given problem.';
comment on column projection.problems_1.verified_position is 'Position of ProposalVerified; null for a given problem.';
comment on column projection.problems_1.admitted_position is 'Position of ProblemAdmitted; null if it never entered a buffer, and for a given problem.';
comment on column projection.problems_1.experiment is 'log.experiments.number.';
comment on column projection.problems_1.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column projection.problems_1.policy_version is 'Version of the weights that proposed it; null for a given problem.';
comment on column projection.problems_1.slot is 'Place among the proposals of its kind and iteration; 0 in iteration 0 is given.';
comment on column projection.problems_1.probes is 'Probe attempts verified (n).';
comment on column projection.problems_1.probes_correct is 'How many of them were correct (k).';
comment on column projection.problems_1.attempts is 'Verified attempts at it, probes and solves; held-out evaluation is not counted.';
comment on column projection.problems_1.correct is 'How many of them were correct.';
comment on column projection.problems_1.first_solved_version is 'Lowest policy version that solved it; null if none did.';
comment on column projection.problems_1.last_solved_version is 'Highest policy version that solved it; null if none did.';
comment on column projection.problems_1.last_attempted_version is 'Highest policy version that tried.';
comment on column projection.problems_1.given is 'True for the zero problems, which no event proposes.';
comment on column projection.problems_1.inherited is 'Whether an experiment that this one was forked from recorded it.';
comment on column projection.problems_1.kind is 'deduction, abduction or induction.';
comment on column projection.problems_1.problem is 'Its id, that of the proposal it was.';

-- Iterations ---------------------------------------------------------------------------------------------------------

create table projection.iterations_1 (
  position              bigint      not null,
  ended_position        bigint,
  started_at            timestamptz not null,
  ended_at              timestamptz,
  experiment            integer     not null,
  iteration             integer     not null,
  rounds                integer     not null,
  policy_version_before integer     not null,
  policy_version_after  integer,
  inherited             boolean     not null,
  skipped               text,
  primary key (experiment, iteration)
);

comment on table projection.iterations_1 is 'One row an iteration; iteration 0 is seeding, all rounds together. A fork has the ones it shares too, marked inherited.';
comment on column projection.iterations_1.position is 'Position of its first IterationStarted.';
comment on column projection.iterations_1.ended_position is 'Position of WeightsUpdated or UpdateSkipped; null until then, and for seeding.';
comment on column projection.iterations_1.started_at is 'When it began.';
comment on column projection.iterations_1.ended_at is 'When its update was taken or skipped; null until then, and for seeding.';
comment on column projection.iterations_1.experiment is 'log.experiments.number.';
comment on column projection.iterations_1.iteration is 'Iteration; 0 is seeding.';
comment on column projection.iterations_1.rounds is 'Times it was begun: rounds of seeding; 1 in self-play.';
comment on column projection.iterations_1.policy_version_before is 'Version of the weights that played it.';
comment on column projection.iterations_1.policy_version_after is 'Version after its update; the same if it was skipped; null until then.';
comment on column projection.iterations_1.inherited is 'Whether an experiment that this one was forked from began it.';
comment on column projection.iterations_1.skipped is 'Why there was no update; null if there was one.';

create table projection.iteration_kinds_1 (
  position            bigint  not null,
  tokens_proposed     bigint  not null,
  tokens_probed       bigint  not null,
  tokens_solved       bigint  not null,
  experiment          integer not null,
  iteration           integer not null,
  proposals           integer not null,
  accepted            integer not null,
  refused             integer not null,
  admitted            integer not null,
  probed              integer not null,
  learnable           integer not null,
  probes              integer not null,
  probes_correct      integer not null,
  solves              integer not null,
  solves_correct      integer not null,
  solves_malformed    integer not null,
  evaluations         integer not null,
  evaluations_correct integer not null,
  inherited           boolean not null,
  kind                text    not null,
  primary key (experiment, iteration, kind)
);

comment on table projection.iteration_kinds_1 is 'What happened in an iteration, by kind of problem: counts of verified proposals and attempts.';
comment on column projection.iteration_kinds_1.position is 'Position of the first event of this kind in this iteration.';
comment on column projection.iteration_kinds_1.tokens_proposed is 'Tokens sampled for proposals.';
comment on column projection.iteration_kinds_1.tokens_probed is 'Tokens sampled for probes.';
comment on column projection.iteration_kinds_1.tokens_solved is 'Tokens sampled for solve attempts.';
comment on column projection.iteration_kinds_1.experiment is 'log.experiments.number.';
comment on column projection.iteration_kinds_1.iteration is 'Iteration; 0 is seeding.';
comment on column projection.iteration_kinds_1.proposals is 'Proposals made.';
comment on column projection.iteration_kinds_1.accepted is 'Proposals that became problems.';
comment on column projection.iteration_kinds_1.refused is 'Proposals that were refused; projection.refusals has the reasons.';
comment on column projection.iteration_kinds_1.admitted is 'Problems that entered the buffer.';
comment on column projection.iteration_kinds_1.probed is 'Problems of this iteration with a verified probe.';
comment on column projection.iteration_kinds_1.learnable is 'Of them, those that some probes solved and others not.';
comment on column projection.iteration_kinds_1.probes is 'Probe attempts verified.';
comment on column projection.iteration_kinds_1.probes_correct is 'How many of them were correct.';
comment on column projection.iteration_kinds_1.solves is 'Solve attempts verified, the trained ones.';
comment on column projection.iteration_kinds_1.solves_correct is 'How many of them were correct.';
comment on column projection.iteration_kinds_1.solves_malformed is 'How many of them were malformed.';
comment on column projection.iteration_kinds_1.evaluations is 'Held-out attempts verified.';
comment on column projection.iteration_kinds_1.evaluations_correct is 'How many of them were correct.';
comment on column projection.iteration_kinds_1.inherited is 'Whether an experiment that this one was forked from recorded the first of them.';
comment on column projection.iteration_kinds_1.kind is 'deduction, abduction or induction.';

create table projection.refusals_1 (
  position   bigint  not null,
  experiment integer not null,
  iteration  integer not null,
  proposals  integer not null,
  inherited  boolean not null,
  kind       text    not null,
  refusal    text    not null,
  primary key (experiment, iteration, kind, refusal)
);

comment on table projection.refusals_1 is 'Refused proposals by reason, kind and iteration.';
comment on column projection.refusals_1.position is 'Position of the first of them.';
comment on column projection.refusals_1.experiment is 'log.experiments.number.';
comment on column projection.refusals_1.iteration is 'Iteration; 0 is seeding.';
comment on column projection.refusals_1.proposals is 'How many.';
comment on column projection.refusals_1.inherited is 'Whether an experiment that this one was forked from recorded the first of them.';
comment on column projection.refusals_1.kind is 'deduction, abduction or induction.';
comment on column projection.refusals_1.refusal is 'The reason.';

-- Updates ------------------------------------------------------------------------------------------------------------

create table projection.updates_1 (
  position                   bigint           not null,
  updated_at                 timestamptz      not null,
  loss                       double precision not null,
  entropy                    double precision not null,
  gradient_norm              double precision not null,
  ratio_mean                 double precision not null,
  ratio_distance_max         double precision not null,
  clipped_share              double precision not null,
  proposer_reward            double precision,
  solver_reward              double precision,
  log_probability_mismatches bigint           not null,
  tokens                     bigint           not null,
  experiment                 integer          not null,
  iteration                  integer,
  from_version               integer          not null,
  to_version                 integer          not null,
  consumed                   integer          not null,
  sequences                  integer          not null,
  groups                     integer          not null,
  groups_mixed               integer          not null,
  inherited                  boolean          not null,
  weights_digest             text             not null,
  primary key (experiment, position)
);

comment on table projection.updates_1 is 'One row an update of the weights. A fork has the ones it shares too, marked inherited.';
comment on column projection.updates_1.position is 'Position of WeightsUpdated.';
comment on column projection.updates_1.updated_at is 'When it was recorded.';
comment on column projection.updates_1.loss is 'Policy-gradient loss that was differentiated, in nats per token.';
comment on column projection.updates_1.entropy is 'Mean entropy of the tempered distribution over the trained positions, in nats.';
comment on column projection.updates_1.gradient_norm is 'L2 norm of the gradient before clipping.';
comment on column projection.updates_1.ratio_mean is 'Mean importance ratio.';
comment on column projection.updates_1.ratio_distance_max is 'Largest distance of a ratio from 1.';
comment on column projection.updates_1.clipped_share is 'Share of the ratios that were clipped, 0 to 1.';
comment on column projection.updates_1.proposer_reward is 'Mean reward of the proposals, over the recorded groups; null without any.';
comment on column projection.updates_1.solver_reward is 'Mean reward of the solve attempts, over the recorded groups; null without any.';
comment on column projection.updates_1.log_probability_mismatches is 'Tokens whose recomputed log-probability differs from the recorded one in any bit.';
comment on column projection.updates_1.tokens is 'Tokens of the trained sequences.';
comment on column projection.updates_1.experiment is 'log.experiments.number.';
comment on column projection.updates_1.iteration is 'Iteration whose samples it consumed.';
comment on column projection.updates_1.from_version is 'Policy version before.';
comment on column projection.updates_1.to_version is 'Policy version after.';
comment on column projection.updates_1.consumed is 'Proposals and attempts in the batch.';
comment on column projection.updates_1.sequences is 'How many of them were trained, their advantage not being zero.';
comment on column projection.updates_1.groups is 'Groups whose rewards shared a baseline.';
comment on column projection.updates_1.groups_mixed is 'How many of them had rewards that differ; the others taught nothing.';
comment on column projection.updates_1.inherited is 'Whether an experiment that this one was forked from recorded it.';
comment on column projection.updates_1.weights_digest is 'SHA-256 of the parameters after it.';

-- Difficulty -----------------------------------------------------------------------------------------------------------

create table projection.difficulty_1 (
  position           bigint           not null,
  effective_attempts double precision not null,
  solve_rate         double precision not null,
  learnability       double precision not null,
  wilson_low         double precision not null,
  wilson_high        double precision not null,
  novelty            double precision,
  surprise           double precision,
  experiment         integer          not null,
  policy_version     integer          not null,
  attempts           integer          not null,
  correct            integer          not null,
  compared           integer,
  iteration          integer          not null,
  inherited          boolean          not null,
  kind               text             not null,
  size               text             not null,
  problem            text             not null,
  nearest            text,
  primary key (experiment, problem)
) with (fillfactor = 80);

comment on table projection.difficulty_1 is
'One row an accepted problem and experiment: how difficult it was when it was last attempted, and how new when it was accepted, as
the decider''s own fold has it (docs/curriculum.md). Ratings are fitted by autodidact difficulty: one attempt moves all of them.';
comment on column projection.difficulty_1.position is 'Position of ProposalVerified; of the first verified attempt for a given problem.';
comment on column projection.difficulty_1.effective_attempts is 'Attempts that count, old ones weighed down (curriculum.version_half_life, curriculum.versions_max).';
comment on column projection.difficulty_1.solve_rate is 'Mean of Beta(k + 1, n - k + 1) over the effective attempts.';
comment on column projection.difficulty_1.learnability is 'Expected p(1 - p) under that posterior; 1/6 without attempts.';
comment on column projection.difficulty_1.wilson_low is 'Lower end of Wilson''s 95 % interval of the solve rate.';
comment on column projection.difficulty_1.wilson_high is 'Upper end of it.';
comment on column projection.difficulty_1.experiment is 'log.experiments.number.';
comment on column projection.difficulty_1.policy_version is 'Version of the weights at the time of the row: old attempts are weighed as seen from it.';
comment on column projection.difficulty_1.attempts is 'Attempts that count, whole: the sample size.';
comment on column projection.difficulty_1.correct is 'How many of them were correct.';
comment on column projection.difficulty_1.novelty is 'Distance to the nearest of the last 64 accepted programs of the kind: 0 the same but for names, 1 nothing shared; null for the first of a kind.';
comment on column projection.difficulty_1.surprise is 'Bits of its output under how often earlier ones of the kind had it; null for the first of a kind.';
comment on column projection.difficulty_1.compared is 'Earlier programs it was compared with.';
comment on column projection.difficulty_1.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column projection.difficulty_1.inherited is 'Whether an experiment that this one was forked from recorded it.';
comment on column projection.difficulty_1.kind is 'deduction, abduction or induction.';
comment on column projection.difficulty_1.size is 'Tokens of its program, as a range; with kind, its cell.';
comment on column projection.difficulty_1.problem is 'Its id.';
comment on column projection.difficulty_1.nearest is 'Problem with the nearest program.';

create table projection.difficulty_cells_1 (
  position           bigint           not null,
  effective_attempts double precision not null,
  solve_rate         double precision not null,
  learnability       double precision not null,
  wilson_low         double precision not null,
  wilson_high        double precision not null,
  progress           double precision not null,
  progress_deviation double precision not null,
  progress_excess    double precision not null,
  experiment         integer          not null,
  policy_version     integer          not null,
  attempts           integer          not null,
  correct            integer          not null,
  progress_outcomes  integer          not null,
  problems           integer          not null,
  kind               text             not null,
  size               text             not null,
  primary key (experiment, kind, size)
) with (fillfactor = 50);

comment on table projection.difficulty_cells_1 is
'One row a cell (kind and size of program; the environment is code_reasoning) and experiment: all attempts at its problems.';
comment on column projection.difficulty_cells_1.position is 'Position of the event that its first problem began with.';
comment on column projection.difficulty_cells_1.effective_attempts is 'Attempts that count, old ones weighed down (curriculum.version_half_life, curriculum.versions_max).';
comment on column projection.difficulty_cells_1.solve_rate is 'Mean of Beta(k + 1, n - k + 1) over the effective attempts.';
comment on column projection.difficulty_cells_1.learnability is 'Expected p(1 - p) under that posterior; 1/6 without attempts.';
comment on column projection.difficulty_cells_1.wilson_low is 'Lower end of Wilson''s 95 % interval of the solve rate.';
comment on column projection.difficulty_cells_1.wilson_high is 'Upper end of it.';
comment on column projection.difficulty_cells_1.experiment is 'log.experiments.number.';
comment on column projection.difficulty_cells_1.policy_version is 'Version of the weights at the time of the row: old attempts are weighed as seen from it.';
comment on column projection.difficulty_cells_1.attempts is 'Attempts that count, whole: the sample size.';
comment on column projection.difficulty_cells_1.correct is 'How many of them were correct.';
comment on column projection.difficulty_cells_1.progress is 'Solve rate of the newer half of the last curriculum.progress_window outcomes minus that of the older half (RIAC).';
comment on column projection.difficulty_cells_1.progress_deviation is 'Standard deviation of it if nothing changed.';
comment on column projection.difficulty_cells_1.progress_excess is 'LP+: its size beyond curriculum.progress_noise of those.';
comment on column projection.difficulty_cells_1.progress_outcomes is 'Outcomes compared.';
comment on column projection.difficulty_cells_1.problems is 'Problems of the cell.';
comment on column projection.difficulty_cells_1.kind is 'deduction, abduction or induction.';
comment on column projection.difficulty_cells_1.size is 'Tokens of the program, as a range.';

insert into projection.versions (version, is_current, name, tables) values
  (1, true, 'attempts', array['attempts']),
  (1, true, 'proposals', array['proposals']),
  (1, true, 'problems', array['problems']),
  (1, true, 'iterations', array['iterations', 'iteration_kinds', 'refusals']),
  (1, true, 'updates', array['updates']),
  (1, true, 'difficulty', array['difficulty', 'difficulty_cells']);

-- Versions -----------------------------------------------------------------------------------------------------------

create function projection.show(p_name text, p_version integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_table  text;
  v_column record;
begin
  for v_table in select unnest(tables) from projection.versions where name = p_name and version = p_version loop
    execute format('create or replace view projection.%I as select * from projection.%I', v_table, v_table || '_' || p_version);
    execute format('comment on view projection.%I is %L', v_table,
      obj_description(format('projection.%I', v_table || '_' || p_version)::regclass, 'pg_class'));
    for v_column in
      select attname, col_description(attrelid, attnum) as comment from pg_attribute
      where attrelid = format('projection.%I', v_table || '_' || p_version)::regclass and attnum > 0 and not attisdropped
    loop
      execute format('comment on column projection.%I.%I is %L', v_table, v_column.attname, v_column.comment);
    end loop;
  end loop;
end
$$;

comment on function projection.show is 'Makes the views projection.NAME show the rows of a version. Columns may come at the end, none may go.';

create function projection.grant_roles() returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_role  text;
  v_table text;
begin
  foreach v_role in array array['autodidact_reader', 'autodidact_writer'] loop
    continue when not exists (select from pg_roles where rolname = v_role);
    execute format('grant usage on schema projection to %I', v_role);
    execute format('grant select on all tables in schema projection to %I', v_role);
  end loop;
  if exists (select from pg_roles where rolname = 'autodidact_writer') then
    for v_table in select unnest(tables) || '_' || version from projection.versions loop
      execute format('grant insert, update, delete on projection.%I to autodidact_writer', v_table);
    end loop;
    grant execute on function projection.prepare, projection.reset, projection.make_current to autodidact_writer;
  end if;
end
$$;

comment on function projection.grant_roles is
  'Gives the roles what they need. The writer writes rows of projections, which can be rebuilt, and nothing else here.';

create function projection.prepare(p_name text, p_version integer) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_before projection.versions;
  v_table  text;
begin
  lock table projection.versions in share row exclusive mode;
  if exists (select from projection.versions where name = p_name and version = p_version) then
    return false;
  end if;
  select * into v_before from projection.versions where name = p_name and version < p_version order by version desc limit 1;
  if not found then
    raise exception 'projection % has no tables that version % could be made like: a migration makes the first ones',
                    p_name, p_version using errcode = 'AD018', constraint = 'projections_known';
  end if;
  foreach v_table in array v_before.tables loop
    execute format('create table projection.%I (like projection.%I including all)', v_table || '_' || p_version,
                   v_table || '_' || v_before.version);
    execute format('comment on table projection.%I is %L', v_table || '_' || p_version,
      obj_description(format('projection.%I', v_table || '_' || v_before.version)::regclass, 'pg_class'));
  end loop;
  insert into projection.versions (version, name, tables) values (p_version, p_name, v_before.tables);
  perform projection.grant_roles();
  return true;
end
$$;

comment on function projection.prepare is
  'Makes the tables of a new version like those of the newest before it, empty. False if they are there.';

create function projection.require(p_name text, p_version integer) returns projection.versions
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_version projection.versions;
begin
  select * into v_version from projection.versions where name = p_name and version = p_version;
  if not found then
    raise exception 'projection % version % has no tables', p_name, p_version
      using errcode = 'AD018', constraint = 'projections_known';
  end if;
  return v_version;
end
$$;

comment on function projection.require is 'The version, or an error if it has no tables.';

create function projection.reset(p_name text, p_version integer, p_experiment uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_number  integer;
  v_version projection.versions := projection.require(p_name, p_version);
  v_table   text;
begin
  select number into v_number from log.experiments where id = p_experiment;
  if not found then
    raise exception 'no experiment %', p_experiment using errcode = 'AD003', constraint = 'experiments_known';
  end if;
  -- The consumer first: whoever writes rows holds its lock.
  update log.consumers set position = 0, state = 'running', failure = null, updated_at = clock_timestamp()
  where name = 'projection/' || p_name and version = p_version and experiment = v_number;
  foreach v_table in array v_version.tables loop
    execute format('delete from projection.%I where experiment = $1', v_table || '_' || p_version) using v_number;
  end loop;
  delete from read.snapshots where experiment = v_number and fold = 'projection/' || p_name || '/' || p_version;
end
$$;

comment on function projection.reset is
  'Removes an experiment''s rows and saved states of a version, and puts its consumer before the first event.';

create function projection.make_current(p_name text, p_version integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_new    projection.versions := projection.require(p_name, p_version);
  v_old    integer;
  v_behind record;
begin
  -- A query that reads the view for long keeps others from it only so long.
  set local lock_timeout = '2s';
  select version into v_old from projection.versions where name = p_name and is_current for update;
  if v_old = p_version then
    return;
  end if;
  -- Nobody goes on meanwhile.
  perform from log.consumers where name = 'projection/' || p_name and version in (v_old, p_version)
  order by version, experiment for update;
  select x.name, coalesce(n.position, 0) as found, o.position as wanted, n.state, n.failure into v_behind
  from log.consumers o
  join log.experiments x on x.number = o.experiment
  left join log.consumers n on n.name = o.name and n.version = p_version and n.experiment = o.experiment
  where o.name = 'projection/' || p_name and o.version = v_old and coalesce(n.position, 0) < o.position
  order by x.number limit 1;
  if found then
    raise exception 'projection % version % is at position % of experiment %, the current version, %, at position %', p_name,
                    p_version, v_behind.found, v_behind.name, v_old,
                    v_behind.wanted || coalesce('; it failed: ' || v_behind.failure, '')
      using errcode = 'AD019', constraint = 'projections_behind';
  end if;
  perform projection.show(p_name, p_version);
  update projection.versions set is_current = false where name = p_name and is_current;
  update projection.versions set is_current = true, switched_at = clock_timestamp()
  where name = p_name and version = p_version;
end
$$;

comment on function projection.make_current is
  'Makes the views show another version, in one transaction. Refused while that version is behind the current one in any experiment.';

do $$ begin perform projection.show(name, version) from projection.versions; end $$;

-- How far they are -----------------------------------------------------------------------------------------------------

create view read.projections as
select x.name as experiment, v.name as projection, v.version, v.is_current as current,
       coalesce(c.state, 'running') as state, c.failure, coalesce(c.position, 0) as position, x.last_position as head,
       case when coalesce(c.position, 0) >= x.last_position then 0 else x.version - coalesce(done.version, 0) end as lag,
       case when coalesce(c.position, 0) >= x.last_position then 0
            else greatest(extract(epoch from clock_timestamp() - waiting.recorded_at), 0)::float8 end as lag_seconds,
       c.updated_at
from log.experiments x
cross join projection.versions v
left join log.consumers c on c.experiment = x.number and c.name = 'projection/' || v.name and c.version = v.version
left join lateral (
  select a.first_version + least(c.position, a.last_position, coalesce(l.last_position, a.last_position)) - a.first_position
           as version
  from log.lineage l
  join log.appends a on a.experiment = l.ancestor and a.first_position <= least(c.position, coalesce(l.last_position, c.position))
  where l.experiment = x.number
  order by a.first_position desc limit 1
) as done on true
left join lateral (
  -- An append has at most 10,000 events: the one that the position is in begins no earlier.
  select a.recorded_at
  from log.lineage l
  join log.appends a on a.experiment = l.ancestor and a.first_position > coalesce(c.position, 0) - 10000
    and a.last_position > coalesce(c.position, 0)
    and (l.last_position is null or a.first_position <= l.last_position)
  where l.experiment = x.number
  order by a.first_position limit 1
) as waiting on true
where x.name not like 'evaluation/%';

comment on view read.projections is 'How far each version of each projection is in each experiment, and what stopped it.';
comment on column read.projections.experiment is 'Name of the experiment.';
comment on column read.projections.projection is 'Name of the projection.';
comment on column read.projections.version is 'Version of its code.';
comment on column read.projections.current is 'Whether projection.NAME shows the rows of this version.';
comment on column read.projections.state is 'running, paused or failed.';
comment on column read.projections.failure is 'What stopped it.';
comment on column read.projections.position is 'Everything up to here is in its tables.';
comment on column read.projections.head is 'Position of the experiment''s last event.';
comment on column read.projections.lag is 'Events that are not in its tables yet, what the experiment shares with its parent counted.';
comment on column read.projections.lag_seconds is 'Age of the first of them, by the server''s clock; 0 without any.';
comment on column read.projections.updated_at is 'When it last moved; null if it never did.';

-- Roles --------------------------------------------------------------------------------------------------------------

revoke all on all functions in schema projection from public;

do $$
begin
  perform log.grant_roles();
  perform projection.grant_roles();
end
$$;
