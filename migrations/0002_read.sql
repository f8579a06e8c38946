-- Reading the log with SQL (docs/sql.md): schema read says what happened to each thing, schema analytics how it goes.
--
-- Plain views: nothing here is stored, so nothing here can differ from the log. They call an experiment by its name and
-- everything else by the ids of the log (12.deduction.3, 12.solve.deduction.3.0); columns may be added, never renamed.
--
-- How they stay quick: the settings are parsed once an experiment (offset 0 keeps the planner from parsing them once a
-- row, and a left join from guessing that only one row in 200 has any), causes are joined by position, problems by one key
-- (of two, the planner merges by the experiment alone and compares all with all), and log.generations is joined by its key, so that the planner drops it from every
-- query that asks for no tokens.

create schema read;
create schema analytics;

comment on schema read is 'What happened, one view a thing: experiments, iterations, proposals, problems, attempts, updates.';
comment on schema analytics is 'How it goes: learning curve, solve rate, refusals, learnability, throughput, provenance.';

-- The few events that are one or two an iteration, among hundreds of proposals and attempts. Most views begin with them.
create index events_of_iterations on log.events (experiment, type, position)
  where type in ('IterationStarted', 'WeightsUpdated', 'UpdateSkipped', 'CheckpointSaved');

-- Tokens -------------------------------------------------------------------------------------------------------------

create function read.log_probability_sum(p_log_probabilities bytea) returns double precision
language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(
    (case when bits < 0 then -1 else 1 end)
    * case (bits >> 23) & 255
        when 0 then (bits & 8388607) * power(2::float8, -149)
        when 255 then case when bits & 8388607 = 0 then float8 'Infinity' else float8 'NaN' end
        else ((bits & 8388607) | 8388608) * power(2::float8, ((bits >> 23) & 255) - 150)
      end order by token), 0)
  from (
    select token,
           (get_byte(p_log_probabilities, 4 * token + 3) << 24) | (get_byte(p_log_probabilities, 4 * token + 2) << 16)
           | (get_byte(p_log_probabilities, 4 * token + 1) << 8) | get_byte(p_log_probabilities, 4 * token) as bits
    from generate_series(0, octet_length(p_log_probabilities) / 4 - 1) as token
  ) as words
$$;

comment on function read.log_probability_sum is
  'Sum of little-endian float32 log-probabilities, in double precision and in the order of the tokens, in nats.';

-- Experiments --------------------------------------------------------------------------------------------------------

create view read.settings as
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
from log.experiments x join log.events c on c.experiment = x.number and c.version = 1
offset 0;

comment on view read.settings is 'The settings that analyses ask for, as recorded in ExperimentCreated. All of them: read.experiments.settings.';
comment on column read.settings.experiment is 'Name of the experiment.';
comment on column read.settings.number is 'log.experiments.number, what events refer to.';
comment on column read.settings.seed is 'Root of all randomness.';
comment on column read.settings.iterations is 'Iterations after which the experiment is finished.';
comment on column read.settings.model is 'The model that began.';
comment on column read.settings.kinds is 'Kinds of problem that are played.';
comment on column read.settings.batch is 'Proposals, and solve attempts, per kind and iteration.';
comment on column read.settings.inputs is 'Inputs of an induction problem.';
comment on column read.settings.probes is 'Probe attempts behind each estimate of learnability (n).';
comment on column read.settings.duplicates is 'refuse or allow.';
comment on column read.settings.train_proposer is 'Whether proposals are trained on.';
comment on column read.settings.proposer_temperature is 'Sampling temperature of proposals.';
comment on column read.settings.solver_temperature is 'Sampling temperature of attempts.';
comment on column read.settings.learning_rate is 'AdamW''s rate.';
comment on column read.settings.formula is 'The reward formula, such as azr-composite/1.';
comment on column read.settings.reward_malformed is 'Reward of a refused proposal and of a malformed answer.';
comment on column read.settings.reward_incorrect is 'Reward of a well-formed wrong answer.';
comment on column read.settings.reward_unlearnable is 'Reward of a valid problem that its probes solve always or never.';
comment on column read.settings.reward_duplicate is 'Reward of a proposal refused as a duplicate.';
comment on column read.settings.baseline is 'Whose rewards share a baseline: kind_and_role, or role.';
comment on column read.settings.whitening is 'Whether baselines weigh each sample once (sequence) or by its tokens (token).';

create view read.experiments as
select x.name as experiment, x.number, x.id, x.state, x.created_at, l.recorded_at as last_event_at, x.version as events,
       coalesce(r.seeding_rounds, 0) as seeding_rounds, coalesce(r.iterations, 0) as iterations,
       (c.body #>> '{settings,iterations}')::integer as iterations_planned,
       coalesce(r.policy_version, 0) as policy_version, r.checkpoint_version,
       c.body #>> '{settings,model,name}' as model, (c.body #>> '{settings,seed}')::numeric as seed,
       c.body ->> 'parent' as parent, x.epoch, c.body -> 'settings' as settings
from log.experiments x
join log.events c on c.experiment = x.number and c.version = 1
join log.events l on l.position = x.last_position
left join (
  select experiment, count(*) filter (where type in ('WeightsUpdated', 'UpdateSkipped')) as iterations,
         count(*) filter (where type = 'IterationStarted' and iteration = 0) as seeding_rounds,
         max(case when type = 'WeightsUpdated' then (body ->> 'to_version')::integer end) as policy_version,
         max(case when type = 'CheckpointSaved' then (body ->> 'policy_version')::integer end) as checkpoint_version
  from log.events
  where type in ('IterationStarted', 'WeightsUpdated', 'UpdateSkipped', 'CheckpointSaved')
  group by experiment
) as r on r.experiment = x.number;

comment on view read.experiments is 'One row an experiment: what it is and how far it has come.';
comment on column read.experiments.experiment is 'Its name.';
comment on column read.experiments.number is 'log.experiments.number, what events refer to.';
comment on column read.experiments.id is 'Its identity, the same in every database.';
comment on column read.experiments.state is 'The word its last event left, such as running or paused.';
comment on column read.experiments.created_at is 'When it was created.';
comment on column read.experiments.last_event_at is 'When its last event was recorded.';
comment on column read.experiments.events is 'Number of its events.';
comment on column read.experiments.seeding_rounds is 'Seeding rounds begun.';
comment on column read.experiments.iterations is 'Iterations of self-play completed, with or without an update.';
comment on column read.experiments.iterations_planned is 'Iterations after which it is finished.';
comment on column read.experiments.policy_version is 'Updates of the weights so far; 0 is the base model.';
comment on column read.experiments.checkpoint_version is 'Policy version of the newest recorded weights file; null without one.';
comment on column read.experiments.model is 'The model that began.';
comment on column read.experiments.seed is 'Root of all randomness.';
comment on column read.experiments.parent is 'Name of the experiment it was forked from; null if it was not.';
comment on column read.experiments.epoch is 'Writer epoch: how many daemons have taken it up.';
comment on column read.experiments.settings is 'Everything that decides what it does, as recorded at creation.';

-- Iterations ---------------------------------------------------------------------------------------------------------

create view read.steps as
select x.name as experiment, i.iteration, a.measure ->> 'step' as step,
       case
         when a.measure ->> 'step' in ('verify proposals', 'verify attempts') then 'verify'
         when a.measure ->> 'step' in ('propose', 'probe', 'solve', 'update', 'checkpoint') then a.measure ->> 'step'
         else 'other'
       end as phase,
       (a.measure ->> 'seconds')::float8 as seconds, (a.measure ->> 'tokens')::bigint as tokens,
       a.last_position - a.first_position + 1 as events, a.first_position as position, a.recorded_at
from (
  select experiment, iteration, min(position) as first_position,
         lead(min(position)) over (partition by experiment order by iteration) as next_position
  from log.events where type = 'IterationStarted' group by experiment, iteration
) as i
join log.appends a on a.experiment = i.experiment and a.first_position >= i.first_position
  and a.first_position < coalesce(i.next_position, 9223372036854775807)
join log.experiments x on x.number = i.experiment
where a.measure is not null;

comment on view read.steps is 'One row a committed step, with what this performance of it took. A step belongs to the iteration begun last.';
comment on column read.steps.experiment is 'Name of the experiment.';
comment on column read.steps.iteration is 'Iteration; 0 is seeding.';
comment on column read.steps.step is 'Name of the step, such as verify proposals.';
comment on column read.steps.phase is 'propose, verify, probe, solve, update, checkpoint, or other (begin, admit, pause …).';
comment on column read.steps.seconds is 'Wall-clock seconds from the beginning of the step to its append.';
comment on column read.steps.tokens is 'Tokens sampled (propose, probe, solve) or trained (update).';
comment on column read.steps.events is 'Events it appended.';
comment on column read.steps.position is 'Position of the first of them.';
comment on column read.steps.recorded_at is 'When they were appended.';

create view read.iterations as
select x.name as experiment, i.iteration, case when i.iteration = 0 then i.rounds end as seeding_rounds,
       i.policy_version as policy_version_before,
       case when u.type = 'WeightsUpdated' then (u.body ->> 'to_version')::integer
            when u.type = 'UpdateSkipped' or i.iteration = 0 then i.policy_version end as policy_version_after,
       i.started_at, u.recorded_at as ended_at,
       case when u.type = 'UpdateSkipped' then u.body ->> 'reason' end as skipped,
       t.seconds, t.propose_seconds, t.verify_seconds, t.probe_seconds, t.solve_seconds, t.update_seconds,
       t.checkpoint_seconds, t.other_seconds, t.tokens_sampled, t.tokens_trained
from (
  select experiment, iteration, count(*) as rounds, min(position) as position, min(recorded_at) as started_at,
         min((body ->> 'policy_version')::integer) as policy_version
  from log.events where type = 'IterationStarted' group by experiment, iteration
) as i
join log.experiments x on x.number = i.experiment
left join log.events u on u.experiment = i.experiment and u.iteration = i.iteration
  and u.type in ('WeightsUpdated', 'UpdateSkipped')
left join (
  select experiment, iteration, sum(seconds) as seconds,
         coalesce(sum(seconds) filter (where phase = 'propose'), 0) as propose_seconds,
         coalesce(sum(seconds) filter (where phase = 'verify'), 0) as verify_seconds,
         coalesce(sum(seconds) filter (where phase = 'probe'), 0) as probe_seconds,
         coalesce(sum(seconds) filter (where phase = 'solve'), 0) as solve_seconds,
         coalesce(sum(seconds) filter (where phase = 'update'), 0) as update_seconds,
         coalesce(sum(seconds) filter (where phase = 'checkpoint'), 0) as checkpoint_seconds,
         coalesce(sum(seconds) filter (where phase = 'other'), 0) as other_seconds,
         coalesce(sum(tokens) filter (where phase in ('propose', 'probe', 'solve')), 0)::bigint as tokens_sampled,
         coalesce(sum(tokens) filter (where phase = 'update'), 0)::bigint as tokens_trained
  from read.steps group by experiment, iteration
) as t on t.experiment = x.name and t.iteration = i.iteration;

comment on view read.iterations is 'One row an iteration: when, from which policy version to which, and what its phases took. Iteration 0 is seeding, all rounds together.';
comment on column read.iterations.experiment is 'Name of the experiment.';
comment on column read.iterations.iteration is 'Iteration; 0 is seeding.';
comment on column read.iterations.seeding_rounds is 'Rounds of seeding begun; null in self-play.';
comment on column read.iterations.policy_version_before is 'Version of the weights that played it.';
comment on column read.iterations.policy_version_after is 'Version after its update; the same if it was skipped; null until then.';
comment on column read.iterations.started_at is 'When it began.';
comment on column read.iterations.ended_at is 'When its update was taken or skipped; null until then, and for seeding.';
comment on column read.iterations.skipped is 'Why there was no update; null if there was one.';
comment on column read.iterations.seconds is 'Seconds of its measured steps; waits and pauses between them are not in it.';
comment on column read.iterations.propose_seconds is 'Seconds of sampling proposals.';
comment on column read.iterations.verify_seconds is 'Seconds of verifying proposals and attempts.';
comment on column read.iterations.probe_seconds is 'Seconds of sampling probes.';
comment on column read.iterations.solve_seconds is 'Seconds of sampling solve attempts.';
comment on column read.iterations.update_seconds is 'Seconds of the training step.';
comment on column read.iterations.checkpoint_seconds is 'Seconds of writing weights.';
comment on column read.iterations.other_seconds is 'Seconds of every other step.';
comment on column read.iterations.tokens_sampled is 'Tokens sampled for proposals, probes and solve attempts.';
comment on column read.iterations.tokens_trained is 'Tokens of the trained sequences.';

-- Proposals and problems ---------------------------------------------------------------------------------------------

create view read.proposals as
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
       octet_length(g.tokens) / 4 as tokens, read.log_probability_sum(g.log_probabilities) as log_probability_sum,
       g.finish, g.completion, m.position, v.position as verified_position, m.recorded_at as made_at
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
left join log.generations g on g.position = m.position;

comment on view read.proposals is
'One row a proposal, seeding included. Its reward is a projection of recorded facts by the formula recorded in ExperimentCreated;
azr-composite/1: a duplicate gets reward_duplicate, any other refusal reward_malformed; an accepted problem that k of its n
probes solved gets 1 − k/n if 0 < k < n, else reward_unlearnable.';
comment on column read.proposals.experiment is 'Name of the experiment.';
comment on column read.proposals.proposal is 'Its id: iteration, kind and slot; the id of the problem if it is accepted.';
comment on column read.proposals.kind is 'deduction, abduction or induction.';
comment on column read.proposals.iteration is 'Iteration; 0 is seeding.';
comment on column read.proposals.slot is 'Place among the proposals of its kind and iteration.';
comment on column read.proposals.policy_version is 'Version of the weights that wrote it.';
comment on column read.proposals.accepted is 'Whether it became a problem; null until it is verified.';
comment on column read.proposals.refusal is 'Why it was refused; null if it was not.';
comment on column read.proposals.detail is 'The verifier''s words about the refusal; for a duplicate, the problem it repeats.';
comment on column read.proposals.program is 'Python source that defines f; null if refused.';
comment on column read.proposals.input is 'Argument list of the first pair as a canonical literal; null if refused.';
comment on column read.proposals.output is 'What f returns for it; null if refused.';
comment on column read.proposals.pairs is 'All pairs, for induction more than one; null if refused.';
comment on column read.proposals.message is 'Induction: what the proposer says about the program; null if refused.';
comment on column read.proposals.probes is 'Probe attempts verified (n).';
comment on column read.proposals.probes_correct is 'How many of them were correct (k).';
comment on column read.proposals.learnability is '1 − k/n if 0 < k < n, else 0; null without probes.';
comment on column read.proposals.reward is 'Composite reward; null in seeding, which trains nothing, and until it is decided.';
comment on column read.proposals.tokens is 'Tokens sampled for it.';
comment on column read.proposals.log_probability_sum is 'Natural-log probability of them all when drawn.';
comment on column read.proposals.finish is 'Why sampling ended.';
comment on column read.proposals.completion is 'What was sampled, as text.';
comment on column read.proposals.position is 'Position of ProposalMade; its generation lies at the same one.';
comment on column read.proposals.verified_position is 'Position of ProposalVerified; null until then.';
comment on column read.proposals.made_at is 'When it was recorded.';

create view read.problems as
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
  select x.name, v.experiment, v.iteration, v.policy_version, false as is_given, v.cause as position, v.proposal as problem,
         split_part(v.proposal, '.', 2) as kind, v.problem as body
  from (
    select experiment, iteration, policy_version, cause, body ->> 'proposal' as proposal, body -> 'problem' as problem
    from log.events where type = 'ProposalVerified'
  ) as v
  join log.experiments x on x.number = v.experiment
  where v.problem is not null
  union all
  select z.experiment, z.number, 0, 0, true, null, '0.' || k.kind || '.0', k.kind,
         json_build_object(
           'kind', k.kind, 'program', E'def f(x):\n    return x',
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
  select key, count(*) filter (where purpose = 'probe') as probes,
         count(*) filter (where purpose = 'probe' and verdict = 'correct') as probes_correct,
         count(*) as attempts, count(*) filter (where verdict = 'correct') as correct,
         min(policy_version) filter (where verdict = 'correct') as first_solved_version,
         max(policy_version) filter (where verdict = 'correct') as last_solved_version,
         max(policy_version) as last_attempted_version
  from (
    select experiment || ' ' || (body ->> 'problem') as key, policy_version, body ->> 'verdict' as verdict,
           split_part(body ->> 'attempt', '.', 2) as purpose
    from log.events where type = 'AttemptVerified'
  ) as a
  where purpose <> 'evaluate'
  group by key
) as t on t.key = b.experiment || ' ' || b.problem;

comment on view read.problems is 'One row an accepted problem, with how attempts at it went. The zero problem of each kind is given, not proposed, and is here too.';
comment on column read.problems.experiment is 'Name of the experiment.';
comment on column read.problems.problem is 'Its id, that of the proposal it was.';
comment on column read.problems.kind is 'deduction, abduction or induction.';
comment on column read.problems.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column read.problems.policy_version is 'Version of the weights that proposed it.';
comment on column read.problems.given is 'True for the zero problems, which no event records.';
comment on column read.problems.admitted is 'Whether it entered the buffer of its kind.';
comment on column read.problems.program is 'Python source that defines f.';
comment on column read.problems.input is 'Argument list of the first pair as a canonical literal.';
comment on column read.problems.output is 'What f returns for it.';
comment on column read.problems.pairs is 'All pairs; the solver of an induction problem is shown the first half.';
comment on column read.problems.message is 'Induction: what the proposer says about the program; else empty.';
comment on column read.problems.probes is 'Probe attempts verified (n).';
comment on column read.problems.probes_correct is 'How many of them were correct (k).';
comment on column read.problems.learnability is '1 − k/n if 0 < k < n, else 0; null without probes.';
comment on column read.problems.attempts is 'Verified attempts at it, probes and solves; held-out evaluation is not counted.';
comment on column read.problems.correct is 'How many of them were correct.';
comment on column read.problems.solve_rate is 'correct / attempts; null without attempts.';
comment on column read.problems.first_solved_version is 'First policy version that solved it; null if none did.';
comment on column read.problems.last_solved_version is 'Last policy version that solved it; null if none did.';
comment on column read.problems.last_attempted_version is 'Last policy version that tried; later than last_solved_version where it failed since.';
comment on column read.problems.position is 'Position of ProposalMade; null for a given problem.';

-- Attempts -----------------------------------------------------------------------------------------------------------

create view read.attempts as
select x.name as experiment, m.attempt, split_part(m.attempt, '.', 2) as purpose, split_part(m.attempt, '.', 3) as kind,
       m.problem, m.iteration, split_part(m.attempt, '.', 4)::integer as slot,
       split_part(m.attempt, '.', 5)::integer as sample, m.policy_version, v.verdict, v.answer, v.detail,
       case
         when s.formula <> 'azr-composite/1' or split_part(m.attempt, '.', 2) <> 'solve' then null
         when v.verdict = 'correct' then 1
         when v.verdict = 'malformed' then s.reward_malformed
         when v.verdict is not null then s.reward_incorrect
       end as reward,
       octet_length(g.tokens) / 4 as tokens, read.log_probability_sum(g.log_probabilities) as log_probability_sum,
       g.finish, g.completion, m.position, v.position as verified_position, m.recorded_at as made_at
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
left join log.generations g on g.position = m.position;

comment on view read.attempts is
'One row an attempt. The reward of a solve attempt is a projection of recorded facts by the formula recorded in ExperimentCreated;
azr-composite/1: 1 if correct, reward_malformed if malformed, else reward_incorrect.';
comment on column read.attempts.experiment is 'Name of the experiment.';
comment on column read.attempts.attempt is 'Its id: iteration, purpose, kind, slot and sample.';
comment on column read.attempts.purpose is 'probe (estimates the solve rate), solve (trained on) or evaluate (held out).';
comment on column read.attempts.kind is 'deduction, abduction or induction.';
comment on column read.attempts.problem is 'The problem it answers.';
comment on column read.attempts.iteration is 'Iteration.';
comment on column read.attempts.slot is 'For a probe that of the proposal, for a solve the place in the solve batch.';
comment on column read.attempts.sample is 'Counts the attempts of one slot.';
comment on column read.attempts.policy_version is 'Version of the weights that answered.';
comment on column read.attempts.verdict is 'What the verifier said; null until it is verified.';
comment on column read.attempts.answer is 'The answer as it was understood: a canonical literal or a program; empty if malformed.';
comment on column read.attempts.detail is 'The verifier''s words about the verdict.';
comment on column read.attempts.reward is 'Composite reward of a solve attempt; null for the others, which are not trained on.';
comment on column read.attempts.tokens is 'Tokens sampled for it.';
comment on column read.attempts.log_probability_sum is 'Natural-log probability of them all when drawn.';
comment on column read.attempts.finish is 'Why sampling ended.';
comment on column read.attempts.completion is 'What was sampled, as text.';
comment on column read.attempts.position is 'Position of AttemptMade; its generation lies at the same one.';
comment on column read.attempts.verified_position is 'Position of AttemptVerified; null until then.';
comment on column read.attempts.made_at is 'When it was recorded.';

-- Updates ------------------------------------------------------------------------------------------------------------

create view read.reward_groups as
select x.name as experiment, e.iteration, (e.body ->> 'to_version')::integer as policy_version, g ->> 'role' as role,
       g ->> 'kind' as kind, (g ->> 'samples')::integer as samples, (g ->> 'mean_reward')::float8 as mean_reward,
       (g ->> 'deviation')::float8 as deviation
from log.events e
join log.experiments x on x.number = e.experiment
cross join lateral json_array_elements(e.body -> 'groups') as g
where e.type in ('WeightsUpdated', 'UpdateSkipped');

comment on view read.reward_groups is 'One row a baseline: the rewards that an update whitened together, as the learner recorded them.';
comment on column read.reward_groups.experiment is 'Name of the experiment.';
comment on column read.reward_groups.iteration is 'Iteration whose samples they are.';
comment on column read.reward_groups.policy_version is 'Version that the update made; null if it was skipped.';
comment on column read.reward_groups.role is 'proposer or solver.';
comment on column read.reward_groups.kind is 'Kind of problem; null where the settings take one baseline per role.';
comment on column read.reward_groups.samples is 'Samples in the group.';
comment on column read.reward_groups.mean_reward is 'Their mean reward, weighted by tokens if the settings say so.';
comment on column read.reward_groups.deviation is 'Standard deviation (Bessel-corrected); 0 means that the group taught nothing.';

create view read.updates as
select x.name as experiment, e.iteration, (e.body ->> 'from_version')::integer as from_version,
       (e.body ->> 'to_version')::integer as to_version, (e.body #>> '{outcome,loss}')::float8 as loss,
       (e.body #>> '{outcome,entropy}')::float8 as entropy,
       (e.body #>> '{outcome,gradient_norm}')::float8 as gradient_norm,
       (e.body #>> '{outcome,ratio_mean}')::float8 as ratio_mean,
       (e.body #>> '{outcome,ratio_distance_max}')::float8 as ratio_distance_max,
       (e.body #>> '{outcome,clipped_share}')::float8 as clipped_share,
       (e.body #>> '{outcome,log_probability_mismatches}')::integer as log_probability_mismatches,
       r.proposer_reward, r.solver_reward, json_array_length(e.body -> 'consumed') as consumed,
       (e.body #>> '{outcome,sequences}')::integer as sequences, (e.body #>> '{outcome,tokens}')::integer as tokens,
       (a.measure ->> 'seconds')::float8 as seconds, e.body ->> 'batch_digest' as batch_digest,
       e.body #>> '{outcome,weights_digest}' as weights_digest,
       e.body #>> '{outcome,optimizer_digest}' as optimizer_digest, e.position, e.recorded_at as updated_at
from log.events e
join log.experiments x on x.number = e.experiment
left join log.appends a on a.first_position = e.position
cross join lateral (
  select sum((g ->> 'mean_reward')::float8 * (g ->> 'samples')::integer) filter (where g ->> 'role' = 'proposer')
           / sum((g ->> 'samples')::integer) filter (where g ->> 'role' = 'proposer') as proposer_reward,
         sum((g ->> 'mean_reward')::float8 * (g ->> 'samples')::integer) filter (where g ->> 'role' = 'solver')
           / sum((g ->> 'samples')::integer) filter (where g ->> 'role' = 'solver') as solver_reward
  from json_array_elements(e.body -> 'groups') as g
) as r
where e.type = 'WeightsUpdated';

comment on view read.updates is 'One row an update of the weights.';
comment on column read.updates.experiment is 'Name of the experiment.';
comment on column read.updates.iteration is 'Iteration whose samples it consumed.';
comment on column read.updates.from_version is 'Policy version before.';
comment on column read.updates.to_version is 'Policy version after.';
comment on column read.updates.loss is 'Policy-gradient loss that was differentiated, in nats per token.';
comment on column read.updates.entropy is 'Mean entropy of the tempered distribution over the trained positions, in nats.';
comment on column read.updates.gradient_norm is 'L2 norm of the gradient before clipping.';
comment on column read.updates.ratio_mean is 'Mean importance ratio.';
comment on column read.updates.ratio_distance_max is 'Largest distance of a ratio from 1.';
comment on column read.updates.clipped_share is 'Share of the ratios that were clipped, 0 to 1.';
comment on column read.updates.log_probability_mismatches is 'Tokens whose recomputed log-probability differs from the recorded one in any bit.';
comment on column read.updates.proposer_reward is 'Mean reward of the proposals, over the recorded groups; null without any.';
comment on column read.updates.solver_reward is 'Mean reward of the solve attempts, over the recorded groups; null without any.';
comment on column read.updates.consumed is 'Proposals and attempts in the batch; analytics.lessons lists them.';
comment on column read.updates.sequences is 'How many of them were trained, their advantage not being zero.';
comment on column read.updates.tokens is 'Tokens of the trained sequences.';
comment on column read.updates.seconds is 'Wall-clock seconds of the step.';
comment on column read.updates.batch_digest is 'SHA-256 of the batch.';
comment on column read.updates.weights_digest is 'SHA-256 of the parameters after it.';
comment on column read.updates.optimizer_digest is 'SHA-256 of the optimizer''s moments after it.';
comment on column read.updates.position is 'Position of WeightsUpdated.';
comment on column read.updates.updated_at is 'When it was recorded.';

-- Analytics ----------------------------------------------------------------------------------------------------------

create view analytics.duplicates as
select experiment, proposal, kind, iteration, policy_version, detail as repeats, true as refused
from read.proposals where refusal = 'duplicate'
union all
select experiment, problem, kind, iteration, policy_version, first_problem, false
from (
  select experiment, problem, kind, iteration, policy_version, given,
         first_value(problem) over (
           partition by experiment, kind, program, inputs order by position nulls first) as first_problem
  from (
    select p.experiment, p.problem, p.kind, p.iteration, p.policy_version, p.given, p.position,
           btrim(regexp_replace(regexp_replace(p.program, '[ \t\r]+(\n|$)', '\1', 'g'), '\n+', E'\n', 'g'), E'\n')
             as program,
           (select string_agg(q.pair ->> 'input', E'\n' order by q.place)
            from json_array_elements(p.pairs) with ordinality as q (pair, place)) as inputs
    from read.problems p
  ) as written
) as compared
where problem <> first_problem;

comment on view analytics.duplicates is
'One row a proposal that repeats an earlier problem of its kind: refused ones as the verifier said, and accepted ones with the same
program (apart from empty lines and trailing space) and inputs, which come with play.duplicates = allow or after an eviction.';
comment on column analytics.duplicates.experiment is 'Name of the experiment.';
comment on column analytics.duplicates.proposal is 'The proposal that repeats.';
comment on column analytics.duplicates.kind is 'deduction, abduction or induction.';
comment on column analytics.duplicates.iteration is 'Iteration; 0 is seeding.';
comment on column analytics.duplicates.policy_version is 'Version of the weights that wrote it.';
comment on column analytics.duplicates.repeats is 'The problem it repeats.';
comment on column analytics.duplicates.refused is 'Whether it was refused for it.';

create view analytics.solve_rate as
select experiment, iteration, kind, count(*) filter (where purpose = 'probe') as probes,
       count(*) filter (where purpose = 'probe' and verdict = 'correct') as probes_correct,
       count(*) filter (where purpose = 'probe' and verdict = 'correct')::float8
         / nullif(count(*) filter (where purpose = 'probe'), 0) as probe_solve_rate,
       count(*) filter (where purpose = 'solve') as solves,
       count(*) filter (where purpose = 'solve' and verdict = 'correct') as solves_correct,
       count(*) filter (where purpose = 'solve' and verdict = 'correct')::float8
         / nullif(count(*) filter (where purpose = 'solve'), 0) as solve_rate,
       avg(reward) as mean_reward
from read.attempts where verdict is not null
group by experiment, iteration, kind;

comment on view analytics.solve_rate is 'How many verified attempts were right, by kind and iteration.';
comment on column analytics.solve_rate.experiment is 'Name of the experiment.';
comment on column analytics.solve_rate.iteration is 'Iteration.';
comment on column analytics.solve_rate.kind is 'deduction, abduction or induction.';
comment on column analytics.solve_rate.probes is 'Probe attempts, all at problems proposed in this iteration.';
comment on column analytics.solve_rate.probes_correct is 'How many of them were correct.';
comment on column analytics.solve_rate.probe_solve_rate is 'Their share, 0 to 1; null without probes.';
comment on column analytics.solve_rate.solves is 'Solve attempts, the trained ones.';
comment on column analytics.solve_rate.solves_correct is 'How many of them were correct.';
comment on column analytics.solve_rate.solve_rate is 'Their share, 0 to 1; null without solve attempts.';
comment on column analytics.solve_rate.mean_reward is 'Mean reward of the solve attempts, each counted once.';

create view analytics.refusals as
select experiment, iteration, kind, refusal, count(*) as proposals,
       count(*)::float8 / sum(count(*)) over (partition by experiment, iteration, kind)::float8 as share
from (
  select experiment, iteration, kind, coalesce(refusal, 'accepted') as refusal
  from read.proposals where accepted is not null
) as verified
group by experiment, iteration, kind, refusal;

comment on view analytics.refusals is 'What became of the verified proposals, by reason, kind and iteration; the accepted ones are counted under "accepted".';
comment on column analytics.refusals.experiment is 'Name of the experiment.';
comment on column analytics.refusals.iteration is 'Iteration; 0 is seeding.';
comment on column analytics.refusals.kind is 'deduction, abduction or induction.';
comment on column analytics.refusals.refusal is 'The reason for the refusal, or accepted.';
comment on column analytics.refusals.proposals is 'Proposals it befell.';
comment on column analytics.refusals.share is 'Their share of the verified proposals of this kind and iteration, 0 to 1.';

create view analytics.learnability as
select experiment, iteration, kind, probes_correct, probes, learnability, count(*) as problems
from read.proposals where accepted and probes > 0
group by experiment, iteration, kind, probes_correct, probes, learnability;

comment on view analytics.learnability is 'Histogram of the accepted problems by how many of their probes were right, by kind and iteration.';
comment on column analytics.learnability.experiment is 'Name of the experiment.';
comment on column analytics.learnability.iteration is 'Iteration.';
comment on column analytics.learnability.kind is 'deduction, abduction or induction.';
comment on column analytics.learnability.probes_correct is 'Right probes (k).';
comment on column analytics.learnability.probes is 'Probes (n).';
comment on column analytics.learnability.learnability is '1 − k/n if 0 < k < n, else 0.';
comment on column analytics.learnability.problems is 'Problems with this k of n.';

create view analytics.throughput as
select experiment, iteration, phase, count(*) as steps, sum(events)::bigint as events, sum(seconds) as seconds,
       sum(tokens)::bigint as tokens, sum(tokens)::float8 / nullif(sum(seconds), 0) as tokens_per_second
from read.steps group by experiment, iteration, phase;

comment on view analytics.throughput is 'Where the time goes: seconds and tokens by phase and iteration.';
comment on column analytics.throughput.experiment is 'Name of the experiment.';
comment on column analytics.throughput.iteration is 'Iteration; 0 is seeding.';
comment on column analytics.throughput.phase is 'propose, verify, probe, solve, update, checkpoint or other.';
comment on column analytics.throughput.steps is 'Steps committed.';
comment on column analytics.throughput.events is 'Events they appended.';
comment on column analytics.throughput.seconds is 'Wall-clock seconds.';
comment on column analytics.throughput.tokens is 'Tokens sampled or trained.';
comment on column analytics.throughput.tokens_per_second is 'tokens / seconds.';

create view analytics.learning_curve as
select i.experiment, i.iteration, i.policy_version_after as policy_version, coalesce(p.proposals, 0) as proposals,
       coalesce(p.accepted, 0) as accepted, p.accepted::float8 / nullif(p.proposals, 0) as accepted_share,
       (p.accepted - coalesce(d.repeated, 0))::float8 / nullif(p.proposals, 0) as new_valid_share,
       coalesce(p.learnable, 0) as learnable, a.probe_solve_rate, coalesce(a.solves, 0) as solves, a.solve_rate,
       g.proposer_reward, g.solver_reward, u.loss, u.entropy, u.gradient_norm, i.seconds
from read.iterations i
left join (
  select experiment, iteration, count(*) as proposals, count(*) filter (where accepted) as accepted,
         count(*) filter (where learnability > 0) as learnable
  from read.proposals group by experiment, iteration
) as p on p.experiment = i.experiment and p.iteration = i.iteration
left join (
  select experiment, iteration, count(*) as repeated from analytics.duplicates where not refused
  group by experiment, iteration
) as d on d.experiment = i.experiment and d.iteration = i.iteration
left join (
  select experiment, iteration, sum(solves)::bigint as solves,
         sum(probes_correct)::float8 / nullif(sum(probes), 0)::float8 as probe_solve_rate,
         sum(solves_correct)::float8 / nullif(sum(solves), 0)::float8 as solve_rate
  from analytics.solve_rate group by experiment, iteration
) as a on a.experiment = i.experiment and a.iteration = i.iteration
left join (
  select experiment, iteration,
         sum(mean_reward * samples) filter (where role = 'proposer')
           / sum(samples) filter (where role = 'proposer') as proposer_reward,
         sum(mean_reward * samples) filter (where role = 'solver')
           / sum(samples) filter (where role = 'solver') as solver_reward
  from read.reward_groups group by experiment, iteration
) as g on g.experiment = i.experiment and g.iteration = i.iteration
left join read.updates u on u.experiment = i.experiment and u.iteration = i.iteration;

comment on view analytics.learning_curve is 'One row an iteration: what was proposed, how much of it was any good, what it earned and what the update did.';
comment on column analytics.learning_curve.experiment is 'Name of the experiment.';
comment on column analytics.learning_curve.iteration is 'Iteration; 0 is seeding.';
comment on column analytics.learning_curve.policy_version is 'Version of the weights after it; null until its update.';
comment on column analytics.learning_curve.proposals is 'Proposals made.';
comment on column analytics.learning_curve.accepted is 'Proposals accepted.';
comment on column analytics.learning_curve.accepted_share is 'accepted / proposals, 0 to 1.';
comment on column analytics.learning_curve.new_valid_share is 'Share of the proposals that were accepted and repeat no earlier problem of their kind, 0 to 1.';
comment on column analytics.learning_curve.learnable is 'Accepted problems that some but not all of their probes solved.';
comment on column analytics.learning_curve.probe_solve_rate is 'Share of the probes that were right, 0 to 1.';
comment on column analytics.learning_curve.solves is 'Verified solve attempts.';
comment on column analytics.learning_curve.solve_rate is 'Share of them that were right, 0 to 1.';
comment on column analytics.learning_curve.proposer_reward is 'Mean reward of the proposals, as the learner used it; null until the update.';
comment on column analytics.learning_curve.solver_reward is 'Mean reward of the solve attempts, as the learner used it; null until the update.';
comment on column analytics.learning_curve.loss is 'Loss of the update; null without one.';
comment on column analytics.learning_curve.entropy is 'Entropy at the update, in nats; null without one.';
comment on column analytics.learning_curve.gradient_norm is 'Norm of the gradient before clipping; null without an update.';
comment on column analytics.learning_curve.seconds is 'Seconds of its measured steps.';

-- Provenance ---------------------------------------------------------------------------------------------------------

create view analytics.lessons as
select c.experiment, c.iteration, c.policy_version, c.place, c.sample,
       case when a.attempt is null then 'proposer' else 'solver' end as role, coalesce(a.kind, p.kind) as kind,
       coalesce(a.problem, case when p.accepted then p.proposal end) as problem, coalesce(a.reward, p.reward) as reward,
       g.mean_reward as baseline, g.deviation,
       case when g.deviation > 0 then (coalesce(a.reward, p.reward) - g.mean_reward) / g.deviation else 0 end as advantage,
       coalesce(a.position, p.position) as position
from (
  select x.name as experiment, e.iteration, (e.body ->> 'to_version')::integer as policy_version,
         s.place::integer as place, s.sample
  from log.events e
  join log.experiments x on x.number = e.experiment
  cross join lateral json_array_elements_text(e.body -> 'consumed') with ordinality as s (sample, place)
  where e.type = 'WeightsUpdated'
) as c
left join read.attempts a
  on a.experiment = c.experiment and a.iteration = c.iteration and a.attempt = c.sample
left join read.proposals p
  on p.experiment = c.experiment and p.iteration = c.iteration and p.proposal = c.sample
left join read.reward_groups g
  on g.experiment = c.experiment and g.iteration = c.iteration
 and g.role = case when a.attempt is null then 'proposer' else 'solver' end
 and coalesce(g.kind, coalesce(a.kind, p.kind)) = coalesce(a.kind, p.kind);

comment on view analytics.lessons is 'One row a sample that an update consumed, with the reward and advantage it taught.';
comment on column analytics.lessons.experiment is 'Name of the experiment.';
comment on column analytics.lessons.iteration is 'Iteration of the sample and of the update.';
comment on column analytics.lessons.policy_version is 'Version of the weights that the update made.';
comment on column analytics.lessons.place is 'Place in the batch, from 1.';
comment on column analytics.lessons.sample is 'Id of the proposal or attempt.';
comment on column analytics.lessons.role is 'proposer or solver.';
comment on column analytics.lessons.kind is 'deduction, abduction or induction.';
comment on column analytics.lessons.problem is 'The problem that was proposed or attempted; null for a refused proposal.';
comment on column analytics.lessons.reward is 'Reward of the sample.';
comment on column analytics.lessons.baseline is 'Mean reward of its group.';
comment on column analytics.lessons.deviation is 'Standard deviation of its group.';
comment on column analytics.lessons.advantage is '(reward − baseline) / deviation, 0 in a group without deviation: weight of the sample in the update.';
comment on column analytics.lessons.position is 'Position of the event; its tokens lie at the same one in log.generations.';

create view analytics.provenance as
select x.name as experiment, h.iteration, h.hop, h.source, h.target, h.position
from (
  select u.experiment, u.iteration, 'consumed' as hop, 'policy ' || u.policy_version as source, u.sample as target,
         m.position
  from (
    select e.experiment, e.iteration, (e.body ->> 'to_version')::integer as policy_version, s.sample
    from log.events e cross join lateral json_array_elements_text(e.body -> 'consumed') as s (sample)
    where e.type = 'WeightsUpdated'
  ) as u
  left join log.events m
    on m.experiment = u.experiment and m.iteration = u.iteration and m.type in ('ProposalMade', 'AttemptMade')
   and coalesce(m.body ->> 'proposal', m.body ->> 'attempt') = u.sample
  union all
  select experiment, iteration, 'attempted', body ->> 'attempt', body ->> 'problem', position
  from log.events where type = 'AttemptMade'
  union all
  select e.experiment, e.iteration, 'was shown', e.body ->> 'proposal', r.problem, e.position
  from log.events e cross join lateral json_array_elements_text(e.body -> 'references') as r (problem)
  where e.type = 'ProposalMade'
  union all
  select experiment, iteration, 'was given the program of', body ->> 'proposal', body ->> 'program', position
  from log.events where type = 'ProposalMade' and body ->> 'program' is not null
) as h
join log.experiments x on x.number = h.experiment;

comment on view analytics.provenance is
'One row a hop on the way from weights to what they come from: policy version → consumed sample → problem → the problems its
proposer was shown. A problem has the id of its proposal, so the hops chain: follow target into source, from ''policy 12'' down.';
comment on column analytics.provenance.experiment is 'Name of the experiment.';
comment on column analytics.provenance.iteration is 'Iteration of the source.';
comment on column analytics.provenance.hop is 'consumed, attempted, was shown, or was given the program of.';
comment on column analytics.provenance.source is 'A policy version (policy 12), an attempt, or a proposal.';
comment on column analytics.provenance.target is 'The sample consumed, or the problem attempted or shown.';
comment on column analytics.provenance.position is 'Position of ProposalMade or AttemptMade that records the hop, or that was consumed; its tokens lie there.';

-- Roles --------------------------------------------------------------------------------------------------------------

do $$
declare
  v_role text;
begin
  foreach v_role in array array['autodidact_reader', 'autodidact_writer'] loop
    if exists (select from pg_roles where rolname = v_role) then
      execute format('grant usage on schema read, analytics to %I', v_role);
      execute format('grant select on all tables in schema read, analytics to %I', v_role);
    end if;
  end loop;
end
$$;
