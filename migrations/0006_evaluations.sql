-- Evaluations: weights on a frozen suite of problems (docs/evaluation.md, docs/decisions/0008-evaluations.md).
--
-- An evaluation is a stream of its own: a row of log.experiments whose name begins with evaluation/ (no experiment's name can hold
-- a slash), with the events EvaluationStarted, AnswerEvaluated … and EvaluationCompleted. Nothing is stored beside them; here are
-- the views, and the older views that listed every stream now leave these out.

-- The older views ----------------------------------------------------------------------------------------------------

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
where x.name not like 'evaluation/%'
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
) as r on r.experiment = x.number
where x.name not like 'evaluation/%';

create or replace view read.lineage as
select x.name as experiment, a.name as ancestor, l.depth, l.first_version, l.last_version, l.last_position
from log.lineage l
join log.experiments x on x.number = l.experiment
join log.experiments a on a.number = l.ancestor
where x.name not like 'evaluation/%';

create or replace view read.generations as
select x.name as experiment, g.position, octet_length(g.tokens) / 4 as tokens, p.text as prompt, g.completion, s.text::json as sampling,
       g.finish, g.random_key, g.tokens as token_ids, g.log_probabilities
from log.generations g
join log.events e on e.position = g.position
join log.experiments x on x.number = e.experiment
left join log.texts p on p.number = g.prompt
left join log.texts s on s.number = g.sampling
where x.name not like 'evaluation/%';

-- Evaluations --------------------------------------------------------------------------------------------------------

create view read.evaluations as
select e.name as experiment, (s.body #>> '{subject,policy_version}')::integer as policy_version,
       s.body #>> '{subject,name}' as subject, s.body ->> 'suite' as suite,
       (s.body #>> '{plan,problems}')::integer as problems, (s.body #>> '{plan,samples}')::integer as samples,
       (s.body #>> '{plan,temperature}')::float8 as temperature, (s.body #>> '{plan,tokens_max}')::integer as tokens_max,
       a.answers, a.correct, a.correct::float8 / nullif(a.answers, 0) as pass_at_1, c.position is not null as is_complete,
       s.body #>> '{plan,suite_digest}' as suite_digest, s.body #>> '{plan,prompts_digest}' as prompts_digest,
       s.body #>> '{plan,weights_digest}' as weights_digest, c.body ->> 'answers_digest' as answers_digest,
       s.body #>> '{plan,numerics_profile}' as numerics_profile, x.name as evaluation, x.number, s.position,
       s.recorded_at as started_at, c.recorded_at as completed_at
from log.experiments x
join log.events s on s.experiment = x.number and s.version = 1 and s.type = 'EvaluationStarted'
left join log.experiments e on e.id = (s.body #>> '{subject,experiment}')::uuid
left join log.events c on c.experiment = x.number and c.version = x.version and c.type = 'EvaluationCompleted'
cross join lateral (
  select count(*) as answers, count(*) filter (where body ->> 'verdict' = 'correct') as correct
  from log.events where experiment = x.number and type = 'AnswerEvaluated'
) as a
where x.name like 'evaluation/%';

comment on view read.evaluations is 'One row an evaluation: whose weights, on which suite, how asked, and how many answers are right.';
comment on column read.evaluations.experiment is 'Name of the experiment whose weights were evaluated; null for a model as published.';
comment on column read.evaluations.policy_version is 'Version of the weights; 0 is the base model.';
comment on column read.evaluations.subject is 'Name of the experiment or of the model.';
comment on column read.evaluations.suite is 'Name of the suite.';
comment on column read.evaluations.problems is 'Problems of it that were asked, from the first on.';
comment on column read.evaluations.samples is 'Answers to each problem.';
comment on column read.evaluations.temperature is 'Temperature they are sampled at; 0 takes the likeliest token each time.';
comment on column read.evaluations.tokens_max is 'Most tokens of an answer.';
comment on column read.evaluations.answers is 'Answers in the log so far.';
comment on column read.evaluations.correct is 'Those that are right.';
comment on column read.evaluations.pass_at_1 is 'Share of right answers; null without answers.';
comment on column read.evaluations.is_complete is 'Whether every problem has all its answers.';
comment on column read.evaluations.suite_digest is 'sha256 of the suite''s content.';
comment on column read.evaluations.prompts_digest is 'sha256 of how the problems are put.';
comment on column read.evaluations.weights_digest is 'sha256 of all weights as float32.';
comment on column read.evaluations.answers_digest is 'sha256 chain over all answers with their tokens; null until complete.';
comment on column read.evaluations.numerics_profile is 'What decides the bits on the machine that computed it.';
comment on column read.evaluations.evaluation is 'Name of its stream in the log.';
comment on column read.evaluations.number is 'log.experiments.number of the stream, what events refer to.';
comment on column read.evaluations.position is 'Position of its first event.';
comment on column read.evaluations.started_at is 'When it was begun.';
comment on column read.evaluations.completed_at is 'When its last answer was recorded; null until complete.';

create view read.answers as
select v.experiment, v.policy_version, v.subject, v.suite, a.body ->> 'problem' as problem, a.body ->> 'group' as kind,
       (a.body ->> 'level')::integer as level, (a.body ->> 'sample')::integer as sample, v.temperature,
       a.body ->> 'verdict' as verdict, a.body ->> 'answer' as answer, a.body ->> 'detail' as detail,
       (select octet_length(g.tokens) / 4 from log.generations g where g.position = a.position) as tokens,
       (select g.finish from log.generations g where g.position = a.position) as finish,
       (select g.completion from log.generations g where g.position = a.position) as completion, v.evaluation, a.position
from (
  select e.name as experiment, (s.body #>> '{subject,policy_version}')::integer as policy_version,
         s.body #>> '{subject,name}' as subject, s.body ->> 'suite' as suite,
         (s.body #>> '{plan,temperature}')::float8 as temperature, x.name as evaluation, x.number
  from log.experiments x
  join log.events s on s.experiment = x.number and s.version = 1 and s.type = 'EvaluationStarted'
  left join log.experiments e on e.id = (s.body #>> '{subject,experiment}')::uuid
  where x.name like 'evaluation/%'
  offset 0
) as v
join log.events a on a.experiment = v.number and a.type = 'AnswerEvaluated';

comment on view read.answers is 'One row an answer to a problem of a suite, with its verdict.';
comment on column read.answers.experiment is 'Name of the experiment whose weights answered; null for a model as published.';
comment on column read.answers.policy_version is 'Version of the weights; 0 is the base model.';
comment on column read.answers.subject is 'Name of the experiment or of the model.';
comment on column read.answers.suite is 'Name of the suite.';
comment on column read.answers.problem is 'Name of the problem in the suite.';
comment on column read.answers.kind is 'Kind of problem, or the suite''s word for it.';
comment on column read.answers.level is 'Graded difficulty from 1; null where the suite has none.';
comment on column read.answers.sample is 'Number of the answer among those to its problem, from 0.';
comment on column read.answers.temperature is 'Temperature it was sampled at; 0 takes the likeliest token each time.';
comment on column read.answers.verdict is 'correct, incorrect, malformed, raised, timed_out, out_of_memory, nondeterministic or forbidden.';
comment on column read.answers.answer is 'The answer as it was understood; empty if malformed.';
comment on column read.answers.detail is 'The verifier''s explanation.';
comment on column read.answers.tokens is 'Tokens sampled.';
comment on column read.answers.finish is 'Why sampling ended: stop, end or length.';
comment on column read.answers.completion is 'The completion as text.';
comment on column read.answers.evaluation is 'Name of the evaluation''s stream in the log.';
comment on column read.answers.position is 'Position of the answer.';

create view analytics.evaluation_scores as
select experiment, policy_version, subject, suite, temperature, kind, level, problems, answers, correct, malformed,
       correct::float8 / answers as pass_at_1,
       -- Wilson's score interval; of several answers a problem the answers are not independent, and it would be too narrow.
       case when answers = problems then greatest(0, (correct + 1.920729) / (answers + 3.841459)
         - 1.959964 * sqrt(correct::float8 * (answers - correct) / answers + 0.960365) / (answers + 3.841459)) end
         as pass_at_1_low,
       case when answers = problems then least(1, (correct + 1.920729) / (answers + 3.841459)
         + 1.959964 * sqrt(correct::float8 * (answers - correct) / answers + 0.960365) / (answers + 3.841459)) end
         as pass_at_1_high,
       evaluation
from (
  select experiment, policy_version, subject, suite, temperature, evaluation, kind, level,
         count(distinct problem) as problems, count(*) as answers,
         count(*) filter (where verdict = 'correct') as correct, count(*) filter (where verdict = 'malformed') as malformed
  from read.answers
  group by grouping sets (
    (experiment, policy_version, subject, suite, temperature, evaluation, kind, level),
    (experiment, policy_version, subject, suite, temperature, evaluation, kind),
    (experiment, policy_version, subject, suite, temperature, evaluation))
) as sums;

comment on view analytics.evaluation_scores is
'How good weights are on a suite, by kind and level; kind and level are null in the rows that take all of them together.';
comment on column analytics.evaluation_scores.experiment is 'Name of the experiment whose weights were evaluated; null for a model as published.';
comment on column analytics.evaluation_scores.policy_version is 'Version of the weights; 0 is the base model.';
comment on column analytics.evaluation_scores.subject is 'Name of the experiment or of the model.';
comment on column analytics.evaluation_scores.suite is 'Name of the suite.';
comment on column analytics.evaluation_scores.temperature is 'Temperature the answers are sampled at; 0 is greedy.';
comment on column analytics.evaluation_scores.kind is 'Kind of problem; null for all kinds together.';
comment on column analytics.evaluation_scores.level is 'Graded difficulty; null for all levels together, and where the suite has none.';
comment on column analytics.evaluation_scores.problems is 'Problems.';
comment on column analytics.evaluation_scores.answers is 'Answers to them.';
comment on column analytics.evaluation_scores.correct is 'Right answers.';
comment on column analytics.evaluation_scores.malformed is 'Answers without the form that was asked for.';
comment on column analytics.evaluation_scores.pass_at_1 is 'Share of right answers.';
comment on column analytics.evaluation_scores.pass_at_1_low is 'Lower end of Wilson''s 95 % interval; null with several answers a problem.';
comment on column analytics.evaluation_scores.pass_at_1_high is 'Upper end of Wilson''s 95 % interval; null with several answers a problem.';
comment on column analytics.evaluation_scores.evaluation is 'Name of the evaluation''s stream in the log.';

-- Roles --------------------------------------------------------------------------------------------------------------

do $$
declare
  v_role text;
begin
  foreach v_role in array array['autodidact_reader', 'autodidact_writer'] loop
    if exists (select from pg_roles where rolname = v_role) then
      execute format('grant select on read.evaluations, read.answers, analytics.evaluation_scores to %I', v_role);
    end if;
  end loop;
end
$$;
