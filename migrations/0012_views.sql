-- Views over what projections have stored, with the log for what they have not come to yet; ratings of problems and policy versions.
--
-- The views of 0002 and 0009 that count attempts read every AttemptVerified of an experiment and took seconds to tens of seconds from a
-- million attempts on. Now they read stored projections up to the position that these have acknowledged, and the
-- log's events after it: rows and position are written in one transaction, and a query sees both as of one moment, so a view says the same
-- whether its projection is there, behind, failed or was never begun (docs/decisions/0013-views.md). Names and columns are what they were.

-- Ratings ------------------------------------------------------------------------------------------------------------

create table projection.problem_ratings_1 (
  position       bigint           not null,
  rating         double precision not null,
  rating_low     double precision not null,
  rating_high    double precision not null,
  experiment     integer          not null,
  fitted_version integer          not null,
  attempts       integer          not null,
  correct        integer          not null,
  iteration      integer          not null,
  versions       integer          not null,
  inherited      boolean          not null,
  kind           text             not null,
  problem        text             not null,
  primary key (experiment, problem)
) with (fillfactor = 50);

comment on table projection.problem_ratings_1 is
'One row an attempted problem and experiment: its rating by the last fit (docs/curriculum.md). A problem that the fold has forgotten keeps
the row it had.';
comment on column projection.problem_ratings_1.position is 'Position of the event that ended the iteration it was fitted at.';
comment on column projection.problem_ratings_1.rating_low is 'Lower end of the 95 % interval.';
comment on column projection.problem_ratings_1.rating_high is 'Upper end of it.';
comment on column projection.problem_ratings_1.experiment is 'log.experiments.number.';
comment on column projection.problem_ratings_1.fitted_version is 'Version of the weights after that iteration.';
comment on column projection.problem_ratings_1.rating is 'Elo points: a policy of the same rating solves it with probability 1/2, one of 400 points more with 10/11.';
comment on column projection.problem_ratings_1.attempts is 'Attempts it was fitted to.';
comment on column projection.problem_ratings_1.correct is 'How many of them were correct.';
comment on column projection.problem_ratings_1.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column projection.problem_ratings_1.versions is 'Policy versions that attempted it: problems with several are what compares versions.';
comment on column projection.problem_ratings_1.inherited is 'Whether an experiment that this one was forked from recorded it.';
comment on column projection.problem_ratings_1.kind is 'deduction, abduction or induction.';
comment on column projection.problem_ratings_1.problem is 'Its id.';

create table projection.policy_ratings_1 (
  position       bigint           not null,
  rating         double precision not null,
  rating_low     double precision not null,
  rating_high    double precision not null,
  experiment     integer          not null,
  policy_version integer          not null,
  fitted_version integer          not null,
  attempts       integer          not null,
  correct        integer          not null,
  first_version  integer          not null,
  last_version   integer          not null,
  links          integer          not null,
  converged      boolean          not null,
  primary key (experiment, policy_version)
) with (fillfactor = 50);

comment on table projection.policy_ratings_1 is 'One row a policy version that attempted problems, and experiment: its rating by the last fit.';
comment on column projection.policy_ratings_1.position is 'Position of the event that ended the iteration it was fitted at.';
comment on column projection.policy_ratings_1.rating_low is 'Lower end of the 95 % interval.';
comment on column projection.policy_ratings_1.rating_high is 'Upper end of it.';
comment on column projection.policy_ratings_1.experiment is 'log.experiments.number.';
comment on column projection.policy_ratings_1.fitted_version is 'Version of the weights after that iteration.';
comment on column projection.policy_ratings_1.rating is 'Elo points above the first version, on the scale of the problems.';
comment on column projection.policy_ratings_1.attempts is 'Its attempts that the fit was made to.';
comment on column projection.policy_ratings_1.correct is 'How many of them were correct.';
comment on column projection.policy_ratings_1.policy_version is 'The version that attempted.';
comment on column projection.policy_ratings_1.first_version is 'First of the neighbours that are rated together: each by itself up to 128 versions, more in a group beyond.';
comment on column projection.policy_ratings_1.last_version is 'Last of them.';
comment on column projection.policy_ratings_1.links is 'Problems that several groups attempted: what compares versions. With few, the priors decide.';
comment on column projection.policy_ratings_1.converged is 'Whether the fit came to its end.';

insert into projection.versions (version, is_current, name, tables) values
  (1, true, 'ratings', array['problem_ratings', 'policy_ratings']);

do $$ begin perform projection.show('ratings', 1); end $$;

create view read.problem_ratings as
select x.name as experiment, r.problem, r.kind, r.iteration, r.rating, r.rating_low, r.rating_high, r.attempts, r.correct, r.versions,
       r.inherited, r.fitted_version, r.position
from projection.problem_ratings r join log.experiments x on x.number = r.experiment;

comment on view read.problem_ratings is
'One row an attempted problem: how hard it is, on one scale with read.policy_ratings. Stored by projection ratings, which fits anew whenever
there are half as many attempts again: fitted_version says when. No rows before that projection runs. A fork has what it shares too.';
comment on column read.problem_ratings.experiment is 'Name of the experiment.';
comment on column read.problem_ratings.position is 'Position of the event that ended the iteration it was fitted at.';
comment on column read.problem_ratings.rating_low is 'Lower end of the 95 % interval.';
comment on column read.problem_ratings.rating_high is 'Upper end of it.';
comment on column read.problem_ratings.fitted_version is 'Version of the weights after that iteration.';
comment on column read.problem_ratings.rating is 'Elo points: a policy of the same rating solves it with probability 1/2, one of 400 points more with 10/11.';
comment on column read.problem_ratings.attempts is 'Attempts it was fitted to.';
comment on column read.problem_ratings.correct is 'How many of them were correct.';
comment on column read.problem_ratings.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column read.problem_ratings.versions is 'Policy versions that attempted it: problems with several are what compares versions.';
comment on column read.problem_ratings.inherited is 'Whether an experiment that this one was forked from recorded it.';
comment on column read.problem_ratings.kind is 'deduction, abduction or induction.';
comment on column read.problem_ratings.problem is 'Its id.';

create view read.policy_ratings as
select x.name as experiment, r.policy_version, r.rating, r.rating_low, r.rating_high, r.attempts, r.correct, r.first_version,
       r.last_version, r.links, r.converged, r.fitted_version, r.position
from projection.policy_ratings r join log.experiments x on x.number = r.experiment;

comment on view read.policy_ratings is
'One row a policy version that attempted problems: how good it is, on one scale with read.problem_ratings. Stored by projection ratings.';
comment on column read.policy_ratings.experiment is 'Name of the experiment.';
comment on column read.policy_ratings.position is 'Position of the event that ended the iteration it was fitted at.';
comment on column read.policy_ratings.rating_low is 'Lower end of the 95 % interval.';
comment on column read.policy_ratings.rating_high is 'Upper end of it.';
comment on column read.policy_ratings.fitted_version is 'Version of the weights after that iteration.';
comment on column read.policy_ratings.rating is 'Elo points above the first version, on the scale of the problems.';
comment on column read.policy_ratings.attempts is 'Its attempts that the fit was made to.';
comment on column read.policy_ratings.correct is 'How many of them were correct.';
comment on column read.policy_ratings.policy_version is 'The version that attempted.';
comment on column read.policy_ratings.first_version is 'First of the neighbours that are rated together: each by itself up to 128 versions, more in a group beyond.';
comment on column read.policy_ratings.last_version is 'Last of them.';
comment on column read.policy_ratings.links is 'Problems that several groups attempted: what compares versions. With few, the priors decide.';
comment on column read.policy_ratings.converged is 'Whether the fit came to its end.';

create view read.difficulty_cells as
select x.name as experiment, c.kind, c.size, c.problems, c.attempts, c.correct, c.effective_attempts, c.solve_rate, c.wilson_low,
       c.wilson_high, c.learnability, c.progress, c.progress_deviation, c.progress_excess, c.progress_outcomes, c.policy_version,
       c.position
from projection.difficulty_cells c join log.experiments x on x.number = c.experiment;

comment on view read.difficulty_cells is
'One row a cell, a kind and size of program: how well problems of it are solved and whether that changes, as the decider''s own fold has it.
Stored by projection difficulty. A fork has what it shares too.';
comment on column read.difficulty_cells.experiment is 'Name of the experiment.';
do $$
declare
  v_column record;
begin
  for v_column in
    select attname, col_description(attrelid, attnum) as comment from pg_attribute
    where attrelid = 'projection.difficulty_cells'::regclass and attnum > 0 and attname <> 'experiment'
  loop
    execute format('comment on column read.difficulty_cells.%I is %L', v_column.attname, v_column.comment);
  end loop;
end
$$;

-- Tallies ------------------------------------------------------------------------------------------------------------

create table projection.tallies_1 (
  position       bigint  not null,
  experiment     integer not null,
  iteration      integer not null,
  policy_version integer not null,
  attempts       integer not null,
  correct        integer not null,
  malformed      integer not null,
  purpose        text    not null,
  kind           text    not null,
  problem        text    not null,
  primary key (experiment, iteration, policy_version, purpose, problem)
) with (fillfactor = 80);

comment on table projection.tallies_1 is
'Verified attempts, counted by problem, iteration, purpose and policy version, under the experiment that recorded their verdicts. Views that
count attempts read these rows, which are a fraction of them.';
comment on column projection.tallies_1.position is 'Position of the first of the verdicts.';
comment on column projection.tallies_1.experiment is 'log.experiments.number.';
comment on column projection.tallies_1.iteration is 'Iteration of the attempts.';
comment on column projection.tallies_1.policy_version is 'Version of the weights that answered.';
comment on column projection.tallies_1.attempts is 'Verified attempts.';
comment on column projection.tallies_1.correct is 'How many of them were correct.';
comment on column projection.tallies_1.malformed is 'How many of them were malformed.';
comment on column projection.tallies_1.purpose is 'probe, solve or evaluate.';
comment on column projection.tallies_1.kind is 'deduction, abduction or induction.';
comment on column projection.tallies_1.problem is 'The problem they answer.';

insert into projection.versions (version, is_current, name, tables) values
  (1, true, 'tallies', array['tallies']);

do $$ begin perform projection.show('tallies', 1); end $$;

-- What is stored, and what comes after it ----------------------------------------------------------------------------

create view projection.reached as
select x.number as experiment, x.name, v.name as projection, coalesce(c.position, 0) as position, x.last_position
from projection.versions v
cross join log.experiments x
left join log.consumers c on c.experiment = x.number and c.name = 'projection/' || v.name and c.version = v.version
where v.is_current;

comment on view projection.reached is 'Up to which position projection.NAME has an experiment''s events; the log has the ones after it.';
comment on column projection.reached.experiment is 'log.experiments.number.';
comment on column projection.reached.name is 'Name of the experiment.';
comment on column projection.reached.projection is 'Name of the projection.';
comment on column projection.reached.position is 'Everything up to here is in its tables; 0 before the first event.';
comment on column projection.reached.last_position is 'Position of the experiment''s last event.';

-- The events after it are found by position: none where it has caught up, however long the log is.
create or replace view read.verdicts as
select v.name as experiment, coalesce(v.attempt, v.iteration || '.' || v.purpose || '.' || v.kind || '.' || v.slot || '.' || v.sample)
         as attempt, v.purpose, v.kind, v.problem, v.iteration, v.policy_version, v.verdict,
       case
         when v.purpose <> 'solve' and not (v.purpose = 'probe' and s.reuse_probes) then null
         when s.formula = 'random/1' then
           (array[1, s.reward_incorrect, s.reward_malformed])[1 + read.random_below(
             s.seed, case when v.purpose = 'probe' then 33 else 34 end, v.kind, v.iteration, v.slot, v.sample, 3)]
         when s.formula not in ('azr-composite/1', 'azr-code/1') then null
         when v.verdict = 'correct' then 1
         when v.verdict = 'malformed' then s.reward_malformed
         else s.reward_incorrect
       end as reward,
       v.iteration - split_part(v.problem, '.', 1)::integer as problem_age, v.position, v.attempt_position
from (
  select x.name, a.experiment, a.iteration, a.policy_version, a.verified_position as position, a.position as attempt_position,
         null as attempt, a.purpose, a.kind, a.slot, a.sample, a.problem, a.verdict
  from log.experiments x join projection.attempts a on a.experiment = x.number
  where a.verdict is not null
  union all
  select r.name, r.experiment, e.iteration, e.policy_version, e.position, e.cause, e.attempt, split_part(e.attempt, '.', 2),
         split_part(e.attempt, '.', 3), split_part(e.attempt, '.', 4)::integer, split_part(e.attempt, '.', 5)::integer, e.problem,
         e.verdict
  from projection.reached r
  cross join lateral (
    select o.iteration, o.policy_version, o.position, o.cause, o.body ->> 'attempt' as attempt, o.body ->> 'problem' as problem,
           o.body ->> 'verdict' as verdict
    from log.events o
    where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'AttemptVerified'
    offset 0
  ) as e
  where r.projection = 'attempts'
) as v
left join read.settings s on s.number = v.experiment;

comment on view read.verdicts is
'One row a verified attempt, from its verdict alone: read.attempts without tokens, text and times, and many times as quick. From the stored
projection attempts as far as it has come, from the log after that.';

-- Proposals without their texts: what became of each.
create view projection.proposals_verified as
select x.name as experiment, p.proposal, p.kind, p.iteration, p.refusal, p.experiment as number
from log.experiments x join projection.proposals p on p.experiment = x.number
where p.accepted is not null
union all
select r.name, e.proposal, split_part(e.proposal, '.', 2), e.iteration, e.refusal, r.experiment
from projection.reached r
cross join lateral (
  select o.iteration, o.body ->> 'proposal' as proposal, o.body ->> 'refusal' as refusal
  from log.events o
  where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'ProposalVerified'
  offset 0
) as e
where r.projection = 'proposals';

comment on view projection.proposals_verified is 'One row a verified proposal, without its texts: stored ones, and from the log those after them.';
comment on column projection.proposals_verified.experiment is 'Name of the experiment.';
comment on column projection.proposals_verified.proposal is 'Its id.';
comment on column projection.proposals_verified.kind is 'deduction, abduction or induction.';
comment on column projection.proposals_verified.iteration is 'Iteration; 0 is seeding.';
comment on column projection.proposals_verified.refusal is 'Why it was refused; null if it was not.';
comment on column projection.proposals_verified.number is 'log.experiments.number.';

-- Verdicts, counted: stored ones, and each one after them by itself.
create view projection.counted as
select x.name as experiment, x.number, t.iteration, t.policy_version, t.purpose, t.kind, t.problem, t.attempts, t.correct,
       t.malformed
from log.experiments x join projection.tallies t on t.experiment = x.number
union all
select r.name, r.experiment, e.iteration, e.policy_version, split_part(e.attempt, '.', 2), split_part(e.attempt, '.', 3), e.problem, 1,
       case when e.verdict = 'correct' then 1 else 0 end, case when e.verdict = 'malformed' then 1 else 0 end
from projection.reached r
cross join lateral (
  select o.iteration, o.policy_version, o.body ->> 'attempt' as attempt, o.body ->> 'problem' as problem,
         o.body ->> 'verdict' as verdict
  from log.events o
  where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'AttemptVerified'
  offset 0
) as e
where r.projection = 'tallies';

comment on view projection.counted is
  'Verified attempts in numbers: the rows of projection.tallies, and one row for each verdict that these do not have yet. To be summed.';
comment on column projection.counted.experiment is 'Name of the experiment.';
comment on column projection.counted.number is 'log.experiments.number.';
comment on column projection.counted.iteration is 'Iteration of the attempts.';
comment on column projection.counted.policy_version is 'Version of the weights that answered.';
comment on column projection.counted.purpose is 'probe, solve or evaluate.';
comment on column projection.counted.kind is 'deduction, abduction or induction.';
comment on column projection.counted.problem is 'The problem they answer.';
comment on column projection.counted.attempts is 'Verified attempts.';
comment on column projection.counted.correct is 'How many of them were correct.';
comment on column projection.counted.malformed is 'How many of them were malformed.';

-- The views over them ------------------------------------------------------------------------------------------------

create or replace view read.proposals as
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
         when m.iteration = 0 or v.position is null then null
         when s.formula = 'random/1' then (
           select case when d.place < s.probes - 1 then (d.place + 1)::float8 / s.probes
                       else (array[s.reward_unlearnable, s.reward_duplicate, s.reward_malformed])
                              [d.place - greatest(s.probes - 1, 0) + 1] end
           from (
             select read.random_below(s.seed, 32, split_part(m.proposal, '.', 2), m.iteration,
                                      split_part(m.proposal, '.', 3)::integer, 0, greatest(s.probes, 1) + 2) as place
           ) as d
         )
         when s.formula not in ('azr-composite/1', 'azr-code/1') then null
         when v.refusal = 'duplicate' then s.reward_duplicate
         when v.refusal is not null or v.unformatted then s.reward_malformed
         when p.attempts is null then null
         when p.correct > 0 and p.correct < p.attempts and s.intrinsic is null then 1 - p.correct::float8 / p.attempts
         when p.correct > 0 and p.correct < p.attempts then
           read.reward_with_intrinsic(
             1 - p.correct::float8 / p.attempts, s.intrinsic, split_part(m.proposal, '.', 2), v.body)
         when s.formula = 'azr-code/1' then -0.5
         else s.reward_unlearnable
       end as reward,
       (select octet_length(g.tokens) / 4 from log.generations g where g.position = m.position) as tokens,
       (select read.log_probability_sum(g.log_probabilities) from log.generations g where g.position = m.position)
         as log_probability_sum,
       (select g.finish from log.generations g where g.position = m.position) as finish,
       (select g.completion from log.generations g where g.position = m.position) as completion, m.position,
       v.position as verified_position, m.recorded_at as made_at,
       case when v.position is not null then coalesce(v.unformatted, false) end as unformatted,
       m.functions, (v.problem #>> '{composition,forwards}')::boolean as forwards
from (
  select experiment, position, iteration, policy_version, recorded_at, body ->> 'proposal' as proposal,
         body -> 'functions' as functions
  from log.events where type = 'ProposalMade'
) as m
join log.experiments x on x.number = m.experiment
left join read.settings s on s.number = m.experiment
left join (
  select cause, position, body ->> 'refusal' as refusal, body ->> 'detail' as detail, body -> 'problem' as problem,
         (body ->> 'unformatted')::boolean as unformatted, body
  from log.events where type = 'ProposalVerified'
) as v on v.cause = m.position
left join (
  select number as experiment, iteration, problem, sum(attempts)::bigint as attempts, sum(correct)::bigint as correct
  from projection.counted where purpose = 'probe'
  group by number, iteration, problem
) as p on p.experiment = m.experiment and p.iteration = m.iteration and p.problem = m.proposal;

create or replace view read.problems as
select b.name as experiment, b.problem, b.kind, b.iteration, b.policy_version, b.is_given as given,
       b.is_given or d.key is not null as admitted, b.body ->> 'program' as program, b.body #>> '{pairs,0,input}' as input,
       b.body #>> '{pairs,0,output}' as output, b.body -> 'pairs' as pairs, b.body ->> 'message' as message,
       coalesce(t.probes, 0) as probes, coalesce(t.probes_correct, 0) as probes_correct,
       case when t.probes > 0 then
         case when t.probes_correct > 0 and t.probes_correct < t.probes
              then 1 - t.probes_correct::float8 / t.probes else 0 end
       end as learnability,
       coalesce(t.attempts, 0) as attempts, coalesce(t.correct, 0) as correct,
       t.correct::float8 / nullif(t.attempts, 0) as solve_rate, t.first_solved_version, t.last_solved_version,
       t.last_attempted_version, b.position
from (
  select x.name, v.experiment, v.iteration,
         -- The base model's proposals are of version 0; that of the event is the experiment's.
         case when s.proposer_weights = 'base' then 0 else v.policy_version end as policy_version, false as is_given,
         v.cause as position, v.proposal as problem, split_part(v.proposal, '.', 2) as kind, v.problem as body
  from (
    select experiment, iteration, policy_version, cause, body ->> 'proposal' as proposal, body -> 'problem' as problem
    from log.events where type = 'ProposalVerified'
  ) as v
  join log.experiments x on x.number = v.experiment
  left join read.settings s on s.number = v.experiment
  where v.problem is not null
  union all
  select z.experiment, z.number, 0, 0, true, null, '0.' || k.kind || '.0', k.kind,
         json_build_object(
           'kind', k.kind, 'program', E'def f(x):
    return x',
           'message', case when k.kind = 'induction' then 'Return the argument as it is.' else '' end,
           'pairs', (
             select json_agg(json_build_object('input', l.literal, 'output', l.literal) order by n)
             from generate_series(0, case when k.kind = 'induction' then z.inputs - 1 else 0 end) as n
             cross join lateral (
               select (array['''Hello world''', '1', '[1, 2, 3]', '{''a'': 1}', '(1, 2)', 'True', '1.5', '''''', '[]',
                             'None'])[n % 10 + 1] as literal
             ) as l
           ))
  from read.settings z cross join unnest(z.kinds) as k (kind)
) as b
left join (
  select experiment || ' ' || (body ->> 'problem') as key from log.events where type = 'ProblemAdmitted'
  group by experiment || ' ' || (body ->> 'problem')
) as d on d.key = b.experiment || ' ' || b.problem
left join (
  select number || ' ' || problem as key, coalesce(sum(attempts) filter (where purpose = 'probe'), 0)::bigint as probes,
         coalesce(sum(correct) filter (where purpose = 'probe'), 0)::bigint as probes_correct,
         sum(attempts)::bigint as attempts, sum(correct)::bigint as correct,
         min(policy_version) filter (where correct > 0) as first_solved_version,
         max(policy_version) filter (where correct > 0) as last_solved_version,
         max(policy_version) as last_attempted_version
  from projection.counted where purpose <> 'evaluate'
  group by number || ' ' || problem
) as t on t.key = b.experiment || ' ' || b.problem;

-- Under random/1 a reward is drawn for each attempt; under every other formula it follows from the verdict.
create or replace view analytics.solve_rate as
select c.experiment, c.iteration, c.kind, c.probes, c.probes_correct, c.probes_correct::float8 / nullif(c.probes, 0) as probe_solve_rate,
       c.solves, c.solves_correct, c.solves_correct::float8 / nullif(c.solves, 0) as solve_rate,
       case
         when s.formula = 'random/1' then d.mean_reward
         when s.formula in ('azr-composite/1', 'azr-code/1') then
           (c.solves_correct + c.solves_malformed * s.reward_malformed
            + (c.solves - c.solves_correct - c.solves_malformed) * s.reward_incorrect) / nullif(c.solves, 0)
       end as mean_reward
from (
  select experiment, number, iteration, kind, coalesce(sum(attempts) filter (where purpose = 'probe'), 0)::bigint as probes,
         coalesce(sum(correct) filter (where purpose = 'probe'), 0)::bigint as probes_correct,
         coalesce(sum(attempts) filter (where purpose = 'solve'), 0)::bigint as solves,
         coalesce(sum(correct) filter (where purpose = 'solve'), 0)::bigint as solves_correct,
         coalesce(sum(malformed) filter (where purpose = 'solve'), 0)::bigint as solves_malformed
  from projection.counted
  group by experiment, number, iteration, kind
) as c
left join read.settings s on s.number = c.number
left join (
  select z.number, v.iteration, v.kind, v.mean_reward
  from read.settings z
  cross join lateral (
    select iteration, kind, avg(reward) as mean_reward
    from read.verdicts where experiment = z.experiment and purpose = 'solve'
    group by iteration, kind
    offset 0
  ) as v
  where z.formula = 'random/1'
) as d on d.number = c.number and d.iteration = c.iteration and d.kind = c.kind;

create or replace view analytics.solve_rate_by_age as
select experiment, kind, policy_version, problem_age, purpose, attempts, correct, correct::float8 / attempts as solve_rate,
       analytics.wilson(correct, attempts, -1) as solve_rate_low, analytics.wilson(correct, attempts, 1) as solve_rate_high
from (
  select experiment, kind, policy_version, iteration - split_part(problem, '.', 1)::integer as problem_age, purpose,
         sum(attempts)::bigint as attempts, sum(correct)::bigint as correct
  from projection.counted where purpose <> 'evaluate'
  group by experiment, kind, policy_version, iteration - split_part(problem, '.', 1)::integer, purpose
) as counted;

create or replace view analytics.learnability_curve as
select experiment, iteration, kind, count(*) as problems, count(*) filter (where probes_correct = 0) as unsolved,
       count(*) filter (where probes_correct > 0 and probes_correct < probes) as learnable,
       count(*) filter (where probes_correct = probes) as always_solved,
       avg(case when probes_correct > 0 and probes_correct < probes then 1 - probes_correct::float8 / probes else 0 end)
         as mean_learnability,
       sum(probes_correct)::float8 / sum(probes)::float8 as probe_solve_rate
from (
  select experiment, iteration, kind, problem, sum(attempts)::bigint as probes, sum(correct)::bigint as probes_correct
  from projection.counted where purpose = 'probe'
  group by experiment, iteration, kind, problem
) as probed
group by experiment, iteration, kind;

create or replace view analytics.retention as
select experiment, kind, policy_version, count(*) as problems, count(*) filter (where correct > 0) as retained,
       count(*) filter (where correct = 0) as forgotten,
       count(*) filter (where correct = 0)::float8 / count(*) as forgotten_share
from (
  select experiment, kind, problem, policy_version, correct,
         max(case when correct > 0 then 1 else 0 end) over (
           partition by experiment, problem order by policy_version
           rows between unbounded preceding and 1 preceding) as was_solved
  from (
    select experiment, kind, problem, policy_version, sum(correct)::bigint as correct
    from projection.counted where purpose <> 'evaluate'
    group by experiment, kind, problem, policy_version
  ) as versions
) as compared
where was_solved = 1
group by experiment, kind, policy_version;

create or replace view analytics.refusals as
select experiment, iteration, kind, refusal, count(*) as proposals,
       count(*)::float8 / sum(count(*)) over (partition by experiment, iteration, kind)::float8 as share
from (
  select experiment, iteration, kind, coalesce(refusal, 'accepted') as refusal from projection.proposals_verified
) as verified
group by experiment, iteration, kind, refusal;

create or replace view analytics.learnability as
select experiment, iteration, kind, probes_correct, probes,
       case when probes_correct > 0 and probes_correct < probes then 1 - probes_correct::float8 / probes else 0 end as learnability,
       count(*) as problems
from (
  select p.experiment, p.iteration, p.kind, t.probes_correct, t.probes
  from projection.proposals_verified p
  join (
    select experiment, iteration, problem, sum(attempts)::bigint as probes, sum(correct)::bigint as probes_correct
    from projection.counted where purpose = 'probe'
    group by experiment, iteration, problem
  ) as t on t.experiment = p.experiment and t.iteration = p.iteration and t.problem = p.proposal
  where p.refusal is null
) as probed
group by experiment, iteration, kind, probes_correct, probes;

-- By version first, which is a fraction of the attempts; then what came before what.
create or replace view analytics.forgetting as
select experiment, problem, kind, min(policy_version) filter (where correct > 0) as first_solved_version, last_solved_version,
       max(policy_version) as last_attempted_version, sum(correct)::bigint as correct,
       coalesce(sum(attempts) filter (where policy_version <= last_solved_version), 0)::bigint as attempts,
       coalesce(sum(attempts) filter (where policy_version > last_solved_version), 0)::bigint as attempts_since
from (
  select experiment, problem, kind, policy_version, attempts, correct,
         max(policy_version) filter (where correct > 0) over (partition by experiment, problem) as last_solved_version
  from (
    select experiment, problem, kind, policy_version, sum(attempts) as attempts, sum(correct) as correct
    from projection.counted where purpose <> 'evaluate'
    group by experiment, problem, kind, policy_version
  ) as versions
) as dated
where last_solved_version is not null
group by experiment, problem, kind, last_solved_version
having max(policy_version) > last_solved_version;

-- WeightsUpdated is recorded under the version before it. Its body is some 10 kB: to_version read out of it for each of its samples was
-- nine tenths of this view's time.
-- A projection that has come to an update has all that the update consumed; of a later one the log is asked.
create index attempts_1_iteration on projection.attempts_1 (experiment, iteration);

create or replace view analytics.lessons as
select x.name as experiment, e.iteration, coalesce(e.policy_version + 1, (e.body ->> 'to_version')::integer) as policy_version, l.place, l.sample, l.role,
       l.kind, l.problem, l.reward, l.baseline, l.deviation,
       case when l.deviation > 0 then (l.reward - l.baseline) / l.deviation else 0 end as advantage, l.position, l.purpose
from log.events e
join log.experiments x on x.number = e.experiment
left join read.settings s on s.number = e.experiment
left join (
  select experiment, max(position) filter (where projection = 'attempts') as attempts,
         max(position) filter (where projection = 'tallies') as tallies
  from projection.reached group by experiment
) as h on h.experiment = e.experiment
cross join lateral (
  select coalesce(h.attempts >= e.position, false) as attempts_stored, coalesce(h.tallies >= e.position, false) as tallies_stored
  offset 0
) as u
cross join lateral (
  select r.place, r.sample, r.role, r.kind, r.purpose, r.problem, r.reward, r.position, g.mean_reward as baseline, g.deviation
  from (
    select c.place, c.sample, c.role, c.kind, coalesce(a.position, p.position) as position,
           case when c.role = 'solver' then c.part[2] else 'propose' end as purpose,
           case when c.role = 'solver' then a.problem when p.is_accepted then c.sample end as problem,
           case
             when s.formula = 'random/1' and c.role = 'solver' then
               (array[1, s.reward_incorrect, s.reward_malformed])[1 + read.random_below(
                 s.seed, case when c.part[2] = 'probe' then 33 else 34 end, c.kind, e.iteration, c.part[4]::integer,
                 c.part[5]::integer, 3)]
             when s.formula = 'random/1' then (
               select case when d.place < s.probes - 1 then (d.place + 1)::float8 / s.probes
                           else (array[s.reward_unlearnable, s.reward_duplicate, s.reward_malformed])
                                  [d.place - greatest(s.probes - 1, 0) + 1] end
               from (
                 select read.random_below(
                   s.seed, 32, c.kind, e.iteration, c.part[3]::integer, 0, greatest(s.probes, 1) + 2) as place
               ) as d)
             when s.formula not in ('azr-composite/1', 'azr-code/1') then null
             when a.verdict = 'correct' then 1
             when a.verdict = 'malformed' then s.reward_malformed
             when a.verdict is not null then s.reward_incorrect
             when p.refusal = 'duplicate' then s.reward_duplicate
             when p.refusal is not null or p.is_unformatted then s.reward_malformed
             when k.probes is null then null
             when k.correct > 0 and k.correct < k.probes and s.intrinsic is null then 1 - k.correct::float8 / k.probes
             when k.correct > 0 and k.correct < k.probes then
               read.reward_with_intrinsic(1 - k.correct::float8 / k.probes, s.intrinsic, c.kind, p.body)
             when s.formula = 'azr-code/1' then -0.5
             else s.reward_unlearnable
           end as reward
    from (
      select j.place::integer as place, j.sample, i.part, i.part[case when array_length(i.part, 1) = 5 then 3 else 2 end] as kind,
             case when array_length(i.part, 1) = 5 then 'solver' else 'proposer' end as role
      from json_array_elements_text(e.body -> 'consumed') with ordinality as j (sample, place)
      cross join lateral (select string_to_array(j.sample, '.') as part offset 0) as i
    ) as c
    left join (
      select t.position, t.iteration || '.' || t.purpose || '.' || t.kind || '.' || t.slot || '.' || t.sample as attempt, t.problem,
             t.verdict
      from projection.attempts t
      where t.experiment = e.experiment and t.iteration = e.iteration and t.verdict is not null and u.attempts_stored
      union all
      select v.cause, v.body ->> 'attempt', v.body ->> 'problem', v.body ->> 'verdict'
      from log.events v
      where v.experiment = e.experiment and v.type = 'AttemptVerified' and v.iteration = e.iteration and not u.attempts_stored
      offset 0
    ) as a on a.attempt = c.sample
    left join (
      select v.cause as position, v.body ->> 'proposal' as proposal, v.body ->> 'refusal' as refusal,
             v.body ->> 'refusal' is null as is_accepted, (v.body ->> 'unformatted')::boolean as is_unformatted,
             v.body
      from log.events v where v.experiment = e.experiment and v.type = 'ProposalVerified' and v.iteration = e.iteration
      offset 0
    ) as p on p.proposal = c.sample
    left join (
      select t.problem, sum(t.attempts)::bigint as probes, sum(t.correct)::bigint as correct
      from projection.tallies t
      where t.experiment = e.experiment and t.iteration = e.iteration and t.purpose = 'probe' and u.tallies_stored
      group by t.problem
      union all
      select o.problem, count(*) as probes, count(*) filter (where o.verdict = 'correct') as correct
      from (
        select v.body ->> 'problem' as problem, v.body ->> 'verdict' as verdict
        from log.events v
        where v.experiment = e.experiment and v.type = 'AttemptVerified' and v.iteration = e.iteration and not u.tallies_stored
          and split_part(v.body ->> 'attempt', '.', 2) = 'probe'
      ) as o
      group by o.problem
    ) as k on k.problem = p.proposal
  ) as r
  left join (
    select w.g ->> 'role' as role, w.g ->> 'kind' as kind, w.g ->> 'problem' as problem,
           (w.g ->> 'mean_reward')::float8 as mean_reward, (w.g ->> 'deviation')::float8 as deviation
    from json_array_elements(e.body -> 'groups') as w (g)
    offset 0
  ) as g
    on g.role = r.role and coalesce(g.kind, r.kind) = r.kind
   and coalesce(g.problem, '') = case when r.purpose = 'probe' then r.problem else '' end
  offset 0
) as l
where e.type = 'WeightsUpdated';

-- Roles --------------------------------------------------------------------------------------------------------------

do $$
begin
  perform log.grant_roles();
  perform projection.grant_roles();
end
$$;
