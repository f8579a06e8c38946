-- Views for every question of docs/sql-cookbook.md, and the older ones for every setting of Absolute Zero's options.
--
-- Nothing is stored here either: what a view says is computed from the log when it is asked. Columns are added at the end, never
-- renamed.

-- Settings -----------------------------------------------------------------------------------------------------------

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
       c.body #>> '{settings,advantages,whitening}' as whitening,
       coalesce((c.body #>> '{settings,play,reuse_probes}')::boolean, false) as reuse_probes,
       coalesce(c.body #>> '{settings,play,proposer}', 'trained') as proposer_weights
from log.experiments x
join log.events c on c.experiment = x.number and c.version = coalesce(x.parent_version, 0) + 1
where x.name not like 'evaluation/%'
offset 0;

comment on column read.settings.formula is 'The reward formula: azr-composite/1, azr-code/1 or random/1.';
comment on column read.settings.reward_unlearnable is
  'Reward of a valid problem that its probes solve always or never; the formula azr-code/1 pays −0.5 whatever it says.';
comment on column read.settings.reuse_probes is 'Whether probes are trained on too, those of each problem with a baseline of their own.';
comment on column read.settings.proposer_weights is
  'Which weights propose: trained, or base, those of the base model all along (policy version 0).';

-- Rewards ------------------------------------------------------------------------------------------------------------

-- Philox4x32-10 (Salmon et al., SC11) on signed 64-bit integers: a product of 32 by 32 bits is taken in two halves of the
-- constant's partner, so that nothing overflows.
create function read.random_below(
  p_seed numeric, p_purpose integer, p_kind text, p_iteration integer, p_slot integer, p_sample integer, p_bound integer
) returns integer
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_two_64 constant numeric := 18446744073709551616;
  v_draw    bigint := 0;
  v_c0      bigint;
  v_c1      bigint;
  v_c2      bigint;
  v_c3      bigint;
  v_k0      bigint;
  v_k1      bigint;
  v_low     bigint;
  v_high    bigint;
  v_low2    bigint;
  v_high2   bigint;
  v_product numeric;
begin
  loop
    v_k0 := mod(p_seed, 4294967296)::bigint;
    v_k1 := div(p_seed, 4294967296)::bigint;
    v_c0 := v_draw;
    v_c1 := (p_purpose::bigint << 24) | p_slot
            | ((case p_kind when 'deduction' then 1 when 'abduction' then 2 when 'induction' then 3 end)::bigint << 16);
    v_c2 := p_iteration;
    v_c3 := p_sample;
    for v_round in 0..9 loop
      if v_round > 0 then
        v_k0 := (v_k0 + 2654435769) & 4294967295;
        v_k1 := (v_k1 + 3144134277) & 4294967295;
      end if;
      v_low := 3528531795 * (v_c0 & 65535);
      v_high := 3528531795 * (v_c0 >> 16) + (v_low >> 16);
      v_low2 := 3449720151 * (v_c2 & 65535);
      v_high2 := 3449720151 * (v_c2 >> 16) + (v_low2 >> 16);
      v_c0 := (v_high2 >> 16) # v_c1 # v_k0;
      v_c1 := ((v_high2 & 65535) << 16) | (v_low2 & 65535);
      v_c2 := (v_high >> 16) # v_c3 # v_k1;
      v_c3 := ((v_high & 65535) << 16) | (v_low & 65535);
    end loop;
    -- Lemire's method: the high half of draw × bound, unless the low half is among those that come once too often.
    v_product := (v_c0::numeric * 4294967296 + v_c1) * p_bound;
    if mod(v_product, v_two_64) >= mod(v_two_64, p_bound) then return div(v_product, v_two_64)::integer; end if;
    v_draw := v_draw + 1;
  end loop;
end
$$;

comment on function read.random_below is
'A uniform integer from 0 to bound − 1: the first draw of the random key (seed, purpose, kind, iteration, slot, sample), as the program
draws it. Purposes of the formula random/1: 32 a proposal''s reward, 33 a probe''s, 34 a solve attempt''s.';

-- Tokens and text in subqueries, as in 0003: a query that wants none does not touch the generations.
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
         when p.correct > 0 and p.correct < p.attempts then 1 - p.correct::float8 / p.attempts
         when s.formula = 'azr-code/1' then -0.5
         else s.reward_unlearnable
       end as reward,
       (select octet_length(g.tokens) / 4 from log.generations g where g.position = m.position) as tokens,
       (select read.log_probability_sum(g.log_probabilities) from log.generations g where g.position = m.position)
         as log_probability_sum,
       (select g.finish from log.generations g where g.position = m.position) as finish,
       (select g.completion from log.generations g where g.position = m.position) as completion, m.position,
       v.position as verified_position, m.recorded_at as made_at,
       case when v.position is not null then coalesce(v.unformatted, false) end as unformatted
from (
  select experiment, position, iteration, policy_version, recorded_at, body ->> 'proposal' as proposal
  from log.events where type = 'ProposalMade'
) as m
join log.experiments x on x.number = m.experiment
left join read.settings s on s.number = m.experiment
left join (
  select cause, position, body ->> 'refusal' as refusal, body ->> 'detail' as detail, body -> 'problem' as problem,
         (body ->> 'unformatted')::boolean as unformatted
  from log.events where type = 'ProposalVerified'
) as v on v.cause = m.position
left join (
  select experiment, iteration, body ->> 'problem' as problem, count(*) as attempts,
         count(*) filter (where body ->> 'verdict' = 'correct') as correct
  from log.events where type = 'AttemptVerified' and split_part(body ->> 'attempt', '.', 2) = 'probe'
  group by experiment, iteration, body ->> 'problem'
) as p on p.experiment = m.experiment and p.iteration = m.iteration and p.problem = m.proposal;

comment on view read.proposals is
'One row a proposal, seeding included. Its reward is a projection of recorded facts by the formula recorded in ExperimentCreated.
azr-composite/1: a duplicate gets reward_duplicate, any other refusal and an accepted problem that is unformatted reward_malformed;
else a problem that k of its n probes solved gets 1 − k/n if 0 < k < n, and reward_unlearnable if not. azr-code/1: −0.5 instead of
reward_unlearnable. random/1: drawn from the seed and the proposal''s id among all these values, whatever the outcome.';
comment on column read.proposals.policy_version is
  'Version of the weights that wrote it; 0 all along where the base model proposes (play.proposer: base).';
comment on column read.proposals.reward is
  'Reward by the experiment''s formula; null in seeding, which trains nothing, until it is decided, and under a formula these views do not know.';
comment on column read.proposals.unformatted is
  'Whether it was accepted although the completion is not of the form asked for; null until it is verified.';

create or replace view read.attempts as
select x.name as experiment, m.attempt, split_part(m.attempt, '.', 2) as purpose, split_part(m.attempt, '.', 3) as kind,
       m.problem, m.iteration, split_part(m.attempt, '.', 4)::integer as slot,
       split_part(m.attempt, '.', 5)::integer as sample, m.policy_version, v.verdict, v.answer, v.detail,
       case
         when v.verdict is null then null
         when split_part(m.attempt, '.', 2) <> 'solve' and not (split_part(m.attempt, '.', 2) = 'probe' and s.reuse_probes)
           then null
         when s.formula = 'random/1' then
           (array[1, s.reward_incorrect, s.reward_malformed])[1 + read.random_below(
             s.seed, case when split_part(m.attempt, '.', 2) = 'probe' then 33 else 34 end,
             split_part(m.attempt, '.', 3), m.iteration, split_part(m.attempt, '.', 4)::integer,
             split_part(m.attempt, '.', 5)::integer, 3)]
         when s.formula not in ('azr-composite/1', 'azr-code/1') then null
         when v.verdict = 'correct' then 1
         when v.verdict = 'malformed' then s.reward_malformed
         else s.reward_incorrect
       end as reward,
       (select octet_length(g.tokens) / 4 from log.generations g where g.position = m.position) as tokens,
       (select read.log_probability_sum(g.log_probabilities) from log.generations g where g.position = m.position)
         as log_probability_sum,
       (select g.finish from log.generations g where g.position = m.position) as finish,
       (select g.completion from log.generations g where g.position = m.position) as completion, m.position,
       v.position as verified_position, m.recorded_at as made_at
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
) as v on v.cause = m.position;

comment on view read.attempts is
'One row an attempt. The reward of a trained attempt is a projection of recorded facts by the formula recorded in ExperimentCreated.
azr-composite/1 and azr-code/1: 1 if correct, reward_malformed if malformed, else reward_incorrect. random/1: drawn from the seed and the
attempt''s id among these three, whatever the verdict.';
comment on column read.attempts.purpose is
  'probe (estimates the solve rate; trained on too under play.reuse_probes), solve (trained on) or evaluate (held out).';
comment on column read.attempts.reward is
  'Reward of a solve attempt, and of a probe under play.reuse_probes; null for the others, which are not trained on, and until it is decided.';

-- A column in the middle of a view's rows would rename its neighbours: added at the end.
create or replace view read.reward_groups as
select x.name as experiment, e.iteration, (e.body ->> 'to_version')::integer as policy_version, g ->> 'role' as role,
       g ->> 'kind' as kind, (g ->> 'samples')::integer as samples, (g ->> 'mean_reward')::float8 as mean_reward,
       (g ->> 'deviation')::float8 as deviation, g ->> 'problem' as problem
from log.events e
join log.experiments x on x.number = e.experiment
cross join lateral json_array_elements(e.body -> 'groups') as g
where e.type in ('WeightsUpdated', 'UpdateSkipped');

comment on column read.reward_groups.problem is
  'The problem whose reused probes they are (play.reuse_probes); null for proposals and solve attempts.';

create or replace view read.updates as
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
  where g ->> 'problem' is null
) as r
where e.type = 'WeightsUpdated';

comment on column read.updates.solver_reward is
  'Mean reward of the solve attempts, over the recorded groups, reused probes not counted; null without any.';

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

comment on column read.problems.policy_version is
  'Version of the weights that proposed it; 0 all along where the base model proposes (play.proposer: base).';

create or replace view analytics.solve_rate as
select experiment, iteration, kind, count(*) filter (where purpose = 'probe') as probes,
       count(*) filter (where purpose = 'probe' and verdict = 'correct') as probes_correct,
       count(*) filter (where purpose = 'probe' and verdict = 'correct')::float8
         / nullif(count(*) filter (where purpose = 'probe'), 0) as probe_solve_rate,
       count(*) filter (where purpose = 'solve') as solves,
       count(*) filter (where purpose = 'solve' and verdict = 'correct') as solves_correct,
       count(*) filter (where purpose = 'solve' and verdict = 'correct')::float8
         / nullif(count(*) filter (where purpose = 'solve'), 0) as solve_rate,
       avg(reward) filter (where purpose = 'solve') as mean_reward
from read.attempts where verdict is not null
group by experiment, iteration, kind;

create or replace view analytics.learning_curve as
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
  from read.reward_groups where problem is null group by experiment, iteration
) as g on g.experiment = i.experiment and g.iteration = i.iteration
left join read.updates u on u.experiment = i.experiment and u.iteration = i.iteration;

comment on column analytics.learning_curve.solver_reward is
  'Mean reward of the solve attempts, as the learner used it, reused probes not counted; null until the update.';

-- Finding things -----------------------------------------------------------------------------------------------------

-- One experiment's events of a type, of one iteration or all: every view filtered by experiment begins here.
create index events_by_type on log.events (experiment, type, iteration);
create index events_of_updates on log.events (experiment, ((body ->> 'to_version')::integer)) where type = 'WeightsUpdated';
-- From the id of a problem to its proposal: the hops of provenance.
create index events_of_proposals on log.events (experiment, (body ->> 'proposal')) where type = 'ProposalMade';

-- Verified attempts, from one event each: what needs no tokens and no time begins here, without a join.
create view read.verdicts as
select x.name as experiment, v.attempt, split_part(v.attempt, '.', 2) as purpose, split_part(v.attempt, '.', 3) as kind,
       v.problem, v.iteration, v.policy_version, v.verdict,
       case
         when split_part(v.attempt, '.', 2) <> 'solve' and not (split_part(v.attempt, '.', 2) = 'probe' and s.reuse_probes)
           then null
         when s.formula = 'random/1' then
           (array[1, s.reward_incorrect, s.reward_malformed])[1 + read.random_below(
             s.seed, case when split_part(v.attempt, '.', 2) = 'probe' then 33 else 34 end,
             split_part(v.attempt, '.', 3), v.iteration, split_part(v.attempt, '.', 4)::integer,
             split_part(v.attempt, '.', 5)::integer, 3)]
         when s.formula not in ('azr-composite/1', 'azr-code/1') then null
         when v.verdict = 'correct' then 1
         when v.verdict = 'malformed' then s.reward_malformed
         else s.reward_incorrect
       end as reward,
       v.iteration - split_part(v.problem, '.', 1)::integer as problem_age, v.position, v.cause as attempt_position
from (
  select experiment, iteration, policy_version, position, cause, body ->> 'attempt' as attempt,
         body ->> 'problem' as problem, body ->> 'verdict' as verdict
  from log.events where type = 'AttemptVerified'
) as v
join log.experiments x on x.number = v.experiment
left join read.settings s on s.number = v.experiment;

comment on view read.verdicts is
  'One row a verified attempt, from its verdict alone: read.attempts without tokens, text and times, and several times as quick.';
comment on column read.verdicts.experiment is 'Name of the experiment.';
comment on column read.verdicts.attempt is 'Id of the attempt: iteration, purpose, kind, slot and sample.';
comment on column read.verdicts.purpose is 'probe, solve or evaluate.';
comment on column read.verdicts.kind is 'deduction, abduction or induction.';
comment on column read.verdicts.problem is 'The problem it answers.';
comment on column read.verdicts.iteration is 'Iteration.';
comment on column read.verdicts.policy_version is 'Version of the weights that answered.';
comment on column read.verdicts.verdict is 'What the verifier said.';
comment on column read.verdicts.reward is 'Reward as in read.attempts: null for attempts that are not trained on.';
comment on column read.verdicts.problem_age is 'Iterations since the problem was proposed; the iteration itself for given problems and those of seeding.';
comment on column read.verdicts.position is 'Position of AttemptVerified.';
comment on column read.verdicts.attempt_position is 'Position of AttemptMade; its generation lies at the same one.';

-- Offset 0 keeps each update by itself: its iteration's events are found by index, and one update costs no more in a long log.
create or replace view analytics.lessons as
select x.name as experiment, e.iteration, (e.body ->> 'to_version')::integer as policy_version, l.place, l.sample, l.role,
       l.kind, l.problem, l.reward, l.baseline, l.deviation,
       case when l.deviation > 0 then (l.reward - l.baseline) / l.deviation else 0 end as advantage, l.position, l.purpose
from log.events e
join log.experiments x on x.number = e.experiment
left join read.settings s on s.number = e.experiment
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
             when k.correct > 0 and k.correct < k.probes then 1 - k.correct::float8 / k.probes
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
      select v.cause as position, v.body ->> 'attempt' as attempt, v.body ->> 'problem' as problem,
             v.body ->> 'verdict' as verdict
      from log.events v where v.experiment = e.experiment and v.type = 'AttemptVerified' and v.iteration = e.iteration
      offset 0
    ) as a on a.attempt = c.sample
    left join (
      select v.cause as position, v.body ->> 'proposal' as proposal, v.body ->> 'refusal' as refusal,
             v.body ->> 'refusal' is null as is_accepted, (v.body ->> 'unformatted')::boolean as is_unformatted
      from log.events v where v.experiment = e.experiment and v.type = 'ProposalVerified' and v.iteration = e.iteration
      offset 0
    ) as p on p.proposal = c.sample
    left join (
      select o.problem, count(*) as probes, count(*) filter (where o.verdict = 'correct') as correct
      from (
        select v.body ->> 'problem' as problem, v.body ->> 'verdict' as verdict
        from log.events v
        where v.experiment = e.experiment and v.type = 'AttemptVerified' and v.iteration = e.iteration
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

comment on view analytics.lessons is
'One row a sample that an update consumed, with the reward and advantage it taught. What a shadow learner consumed is in its source: of
its samples only names, roles and kinds are known here.';
comment on column analytics.lessons.baseline is 'Mean reward of its group: that of its role and kind, or of its problem''s probes.';
comment on column analytics.lessons.purpose is 'propose, solve, or probe where probes are reused.';

create or replace view analytics.solve_rate as
select experiment, iteration, kind, count(*) filter (where purpose = 'probe') as probes,
       count(*) filter (where purpose = 'probe' and verdict = 'correct') as probes_correct,
       count(*) filter (where purpose = 'probe' and verdict = 'correct')::float8
         / nullif(count(*) filter (where purpose = 'probe'), 0) as probe_solve_rate,
       count(*) filter (where purpose = 'solve') as solves,
       count(*) filter (where purpose = 'solve' and verdict = 'correct') as solves_correct,
       count(*) filter (where purpose = 'solve' and verdict = 'correct')::float8
         / nullif(count(*) filter (where purpose = 'solve'), 0) as solve_rate,
       avg(reward) filter (where purpose = 'solve') as mean_reward
from read.verdicts
group by experiment, iteration, kind;

-- How well it solves -------------------------------------------------------------------------------------------------

create function analytics.wilson(p_correct bigint, p_attempts bigint, p_sign integer) returns double precision
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select case when p_attempts > 0 then least(1, greatest(0, (p_correct + 1.920729) / (p_attempts + 3.841459)
    + sign(p_sign) * 1.959964 * sqrt(p_correct::float8 * (p_attempts - p_correct) / p_attempts + 0.960365)
      / (p_attempts + 3.841459))) end
$$;

comment on function analytics.wilson is
  'End of Wilson''s 95 % score interval of a share: the lower one for sign −1, the upper one for 1; null without attempts.';

create view analytics.solve_rate_by_age as
select experiment, kind, policy_version, problem_age, purpose, count(*) as attempts,
       count(*) filter (where verdict = 'correct') as correct,
       count(*) filter (where verdict = 'correct')::float8 / count(*) as solve_rate,
       analytics.wilson(count(*) filter (where verdict = 'correct'), count(*), -1) as solve_rate_low,
       analytics.wilson(count(*) filter (where verdict = 'correct'), count(*), 1) as solve_rate_high
from read.verdicts where purpose <> 'evaluate'
group by experiment, kind, policy_version, problem_age, purpose;

comment on view analytics.solve_rate_by_age is 'How many verified attempts were right, by kind, policy version and age of the problem.';
comment on column analytics.solve_rate_by_age.experiment is 'Name of the experiment.';
comment on column analytics.solve_rate_by_age.kind is 'deduction, abduction or induction.';
comment on column analytics.solve_rate_by_age.policy_version is 'Version of the weights that answered.';
comment on column analytics.solve_rate_by_age.problem_age is 'Iterations since the problem was proposed: 0 is this iteration''s.';
comment on column analytics.solve_rate_by_age.purpose is 'probe or solve.';
comment on column analytics.solve_rate_by_age.attempts is 'Verified attempts.';
comment on column analytics.solve_rate_by_age.correct is 'How many of them were correct.';
comment on column analytics.solve_rate_by_age.solve_rate is 'correct / attempts, 0 to 1.';
comment on column analytics.solve_rate_by_age.solve_rate_low is 'Lower end of Wilson''s 95 % interval, as if the attempts were independent.';
comment on column analytics.solve_rate_by_age.solve_rate_high is 'Its upper end.';

create view analytics.learnability_curve as
select experiment, iteration, kind, count(*) as problems, count(*) filter (where probes_correct = 0) as unsolved,
       count(*) filter (where probes_correct > 0 and probes_correct < probes) as learnable,
       count(*) filter (where probes_correct = probes) as always_solved,
       avg(case when probes_correct > 0 and probes_correct < probes then 1 - probes_correct::float8 / probes else 0 end)
         as mean_learnability,
       sum(probes_correct)::float8 / sum(probes)::float8 as probe_solve_rate
from (
  select experiment, iteration, kind, problem, count(*) as probes, count(*) filter (where verdict = 'correct') as probes_correct
  from read.verdicts where purpose = 'probe'
  group by experiment, iteration, kind, problem
) as probed
group by experiment, iteration, kind;

comment on view analytics.learnability_curve is
  'How hard the new problems are for the weights that proposed them, by kind and iteration; the whole histogram is analytics.learnability.';
comment on column analytics.learnability_curve.experiment is 'Name of the experiment.';
comment on column analytics.learnability_curve.iteration is 'Iteration.';
comment on column analytics.learnability_curve.kind is 'deduction, abduction or induction.';
comment on column analytics.learnability_curve.problems is 'Problems that were probed.';
comment on column analytics.learnability_curve.unsolved is 'Those that no probe solved.';
comment on column analytics.learnability_curve.learnable is 'Those that some but not all probes solved.';
comment on column analytics.learnability_curve.always_solved is 'Those that every probe solved.';
comment on column analytics.learnability_curve.mean_learnability is 'Mean of 1 − k/n, taken as 0 where k is 0 or n.';
comment on column analytics.learnability_curve.probe_solve_rate is 'Share of the probes that were right, 0 to 1.';

create view analytics.retention as
select experiment, kind, policy_version, count(*) as problems, count(*) filter (where correct > 0) as retained,
       count(*) filter (where correct = 0) as forgotten,
       count(*) filter (where correct = 0)::float8 / count(*) as forgotten_share
from (
  select experiment, kind, problem, policy_version, correct,
         max(case when correct > 0 then 1 else 0 end) over (
           partition by experiment, problem order by policy_version
           rows between unbounded preceding and 1 preceding) as was_solved
  from (
    select experiment, kind, problem, policy_version, count(*) filter (where verdict = 'correct') as correct
    from read.verdicts where purpose <> 'evaluate'
    group by experiment, kind, problem, policy_version
  ) as versions
) as compared
where was_solved = 1
group by experiment, kind, policy_version;

comment on view analytics.retention is
'Of the problems attempted by a policy version and solved by an earlier one, how many it solves. One attempt can fail by chance: compare
with analytics.solve_rate_by_age.';
comment on column analytics.retention.experiment is 'Name of the experiment.';
comment on column analytics.retention.kind is 'deduction, abduction or induction.';
comment on column analytics.retention.policy_version is 'Version of the weights.';
comment on column analytics.retention.problems is 'Problems it attempted that an earlier version had solved at least once.';
comment on column analytics.retention.retained is 'Those it solved at least once.';
comment on column analytics.retention.forgotten is 'Those it never solved.';
comment on column analytics.retention.forgotten_share is 'forgotten / problems, 0 to 1.';

create view analytics.forgetting as
select v.experiment, v.problem, v.kind, v.first_solved_version, v.last_solved_version, v.last_attempted_version,
       v.correct, v.attempts, v.attempts_since
from (
  select experiment, problem, kind, max(policy_version) as last_attempted_version,
         min(policy_version) filter (where verdict = 'correct') as first_solved_version,
         max(last_solved_version) as last_solved_version,
         count(*) filter (where verdict = 'correct') as correct,
         count(*) filter (where policy_version <= last_solved_version) as attempts,
         count(*) filter (where policy_version > last_solved_version) as attempts_since
  from (
    select experiment, problem, kind, policy_version, verdict,
           max(policy_version) filter (where verdict = 'correct') over (partition by experiment, problem)
             as last_solved_version
    from read.verdicts where purpose <> 'evaluate'
  ) as dated
  where last_solved_version is not null
  group by experiment, problem, kind
) as v
where v.attempts_since > 0;

comment on view analytics.forgetting is 'One row a problem that was solved once and that later policy versions tried and never solved again.';
comment on column analytics.forgetting.experiment is 'Name of the experiment.';
comment on column analytics.forgetting.problem is 'The problem.';
comment on column analytics.forgetting.kind is 'deduction, abduction or induction.';
comment on column analytics.forgetting.first_solved_version is 'First policy version that solved it.';
comment on column analytics.forgetting.last_solved_version is 'Last policy version that solved it.';
comment on column analytics.forgetting.last_attempted_version is 'Last policy version that tried.';
comment on column analytics.forgetting.correct is 'Correct attempts, all told.';
comment on column analytics.forgetting.attempts is 'Attempts up to the last version that solved it.';
comment on column analytics.forgetting.attempts_since is 'Attempts since, all of them wrong.';

-- What is taught -----------------------------------------------------------------------------------------------------

create view analytics.reward_parts as
select experiment, iteration, role, kind, part, count(*) as samples, avg(reward) as mean_reward,
       count(*)::float8 / sum(count(*)) over (partition by experiment, iteration, role, kind)::float8 as share
from (
  select experiment, iteration, 'proposer' as role, kind, reward,
         case when refusal = 'duplicate' then 'duplicate' when not accepted then 'refused'
              when unformatted then 'unformatted' when learnability > 0 then 'learnable'
              when probes_correct = 0 then 'unsolved' else 'always_solved' end as part
  from read.proposals where reward is not null
  union all
  select experiment, iteration, 'solver', kind, reward,
         case when verdict in ('correct', 'malformed') then verdict else 'incorrect' end
  from read.verdicts where purpose = 'solve' and reward is not null
) as parts
group by experiment, iteration, role, kind, part;

comment on view analytics.reward_parts is
'What the rewards are made of: samples and mean reward by the case of the formula they fall under, by role, kind and iteration. Under
random/1 the case is what happened and the reward has nothing to do with it.';
comment on column analytics.reward_parts.experiment is 'Name of the experiment.';
comment on column analytics.reward_parts.iteration is 'Iteration.';
comment on column analytics.reward_parts.role is 'proposer or solver (solve attempts).';
comment on column analytics.reward_parts.kind is 'deduction, abduction or induction.';
comment on column analytics.reward_parts.part is
  'proposer: learnable, unsolved, always_solved, unformatted, duplicate or refused; solver: correct, incorrect or malformed.';
comment on column analytics.reward_parts.samples is 'Samples it befell.';
comment on column analytics.reward_parts.mean_reward is 'Their mean reward.';
comment on column analytics.reward_parts.share is 'Their share of the samples of this role, kind and iteration, 0 to 1.';

create view analytics.advantage_statistics as
select experiment, iteration, policy_version, role, kind, purpose, count(*) as samples, avg(reward) as mean_reward,
       count(*) filter (where advantage > 0) as positive, count(*) filter (where advantage < 0) as negative,
       count(*) filter (where advantage = 0) as zero, sum(abs(advantage)) as mass, max(advantage) as advantage_max,
       min(advantage) as advantage_min
from analytics.lessons
group by experiment, iteration, policy_version, role, kind, purpose;

comment on view analytics.advantage_statistics is 'The advantages of each update, by role, kind and purpose of the samples.';
comment on column analytics.advantage_statistics.experiment is 'Name of the experiment.';
comment on column analytics.advantage_statistics.iteration is 'Iteration of the samples.';
comment on column analytics.advantage_statistics.policy_version is 'Version of the weights that the update made.';
comment on column analytics.advantage_statistics.role is 'proposer or solver.';
comment on column analytics.advantage_statistics.kind is 'deduction, abduction or induction.';
comment on column analytics.advantage_statistics.purpose is 'propose, solve, or probe where probes are reused.';
comment on column analytics.advantage_statistics.samples is 'Samples consumed.';
comment on column analytics.advantage_statistics.mean_reward is 'Their mean reward, each counted once.';
comment on column analytics.advantage_statistics.positive is 'Samples made more likely.';
comment on column analytics.advantage_statistics.negative is 'Samples made less likely.';
comment on column analytics.advantage_statistics.zero is 'Samples that taught nothing.';
comment on column analytics.advantage_statistics.mass is 'Sum of the advantages'' absolute values: weight in the update.';
comment on column analytics.advantage_statistics.advantage_max is 'Largest advantage.';
comment on column analytics.advantage_statistics.advantage_min is 'Smallest advantage.';

create view analytics.update_statistics as
select u.experiment, u.iteration, u.to_version as policy_version, g.groups, g.effective_groups,
       g.effective_groups::float8 / nullif(g.groups, 0) as effective_group_ratio, u.consumed, u.sequences,
       u.sequences::float8 / nullif(u.consumed, 0) as trained_share, u.loss, u.entropy, u.gradient_norm, u.ratio_mean,
       u.ratio_distance_max, u.clipped_share, u.log_probability_mismatches, u.seconds
from read.updates u
left join (
  select experiment, iteration, count(*) as groups, count(*) filter (where deviation > 0) as effective_groups
  from read.reward_groups group by experiment, iteration
) as g on g.experiment = u.experiment and g.iteration = u.iteration;

comment on view analytics.update_statistics is 'One row an update: how much of its batch taught anything, and its importance ratios.';
comment on column analytics.update_statistics.experiment is 'Name of the experiment.';
comment on column analytics.update_statistics.iteration is 'Iteration whose samples it consumed.';
comment on column analytics.update_statistics.policy_version is 'Version of the weights that it made.';
comment on column analytics.update_statistics.groups is 'Groups of samples that share a baseline.';
comment on column analytics.update_statistics.effective_groups is 'Those whose rewards differ; the others teach nothing.';
comment on column analytics.update_statistics.effective_group_ratio is 'effective_groups / groups, 0 to 1.';
comment on column analytics.update_statistics.consumed is 'Samples in the batch.';
comment on column analytics.update_statistics.sequences is 'Samples that were trained, their advantage not being zero.';
comment on column analytics.update_statistics.trained_share is 'sequences / consumed, 0 to 1.';
comment on column analytics.update_statistics.loss is 'Loss, in nats per token.';
comment on column analytics.update_statistics.entropy is 'Mean entropy over the trained positions, in nats.';
comment on column analytics.update_statistics.gradient_norm is 'L2 norm of the gradient before clipping.';
comment on column analytics.update_statistics.ratio_mean is 'Mean importance ratio; 1 on policy.';
comment on column analytics.update_statistics.ratio_distance_max is 'Largest distance of a ratio from 1.';
comment on column analytics.update_statistics.clipped_share is 'Share of the ratios that were clipped, 0 to 1.';
comment on column analytics.update_statistics.log_probability_mismatches is
  'Tokens whose recomputed log-probability differs from the recorded one in any bit.';
comment on column analytics.update_statistics.seconds is 'Wall-clock seconds of the step.';

create view analytics.teachers as
select experiment, problem, kind, count(*) as samples, count(distinct policy_version) as updates,
       sum(abs(advantage)) as mass, sum(abs(advantage)) filter (where role = 'solver') as solver_mass,
       sum(abs(advantage)) filter (where role = 'proposer') as proposer_mass,
       sum(abs(advantage)) / nullif(sum(sum(abs(advantage))) over (partition by experiment), 0) as share,
       min(policy_version) as first_version, max(policy_version) as last_version
from analytics.lessons where problem is not null
group by experiment, problem, kind;

comment on view analytics.teachers is
  'One row a problem that was trained on: how much it taught, by the mass of its advantages. Refused proposals have no problem and are not here.';
comment on column analytics.teachers.experiment is 'Name of the experiment.';
comment on column analytics.teachers.problem is 'The problem.';
comment on column analytics.teachers.kind is 'deduction, abduction or induction.';
comment on column analytics.teachers.samples is 'Samples consumed: attempts at it, and the proposal it was.';
comment on column analytics.teachers.updates is 'Updates that consumed one.';
comment on column analytics.teachers.mass is 'Sum of the samples'' advantages, whatever their sign.';
comment on column analytics.teachers.solver_mass is 'The part of the attempts at it; null without any.';
comment on column analytics.teachers.proposer_mass is 'The part of having proposed it; null if that was not trained.';
comment on column analytics.teachers.share is 'mass as a share of all problems'' of the experiment, 0 to 1.';
comment on column analytics.teachers.first_version is 'First policy version it helped to make.';
comment on column analytics.teachers.last_version is 'Last policy version it helped to make.';

create view analytics.attribution as
select experiment, iteration, policy_version, role, kind, iteration - split_part(problem, '.', 1)::integer as problem_age,
       count(*) as samples, sum(abs(advantage)) as mass,
       sum(abs(advantage)) / nullif(sum(sum(abs(advantage))) over (partition by experiment, policy_version), 0) as share
from analytics.lessons
group by experiment, iteration, policy_version, role, kind, iteration - split_part(problem, '.', 1)::integer;

comment on view analytics.attribution is 'What each update was made of: the mass of its advantages by role, kind and age of the problem.';
comment on column analytics.attribution.experiment is 'Name of the experiment.';
comment on column analytics.attribution.iteration is 'Iteration of the samples.';
comment on column analytics.attribution.policy_version is 'Version of the weights that the update made.';
comment on column analytics.attribution.role is 'proposer or solver.';
comment on column analytics.attribution.kind is 'deduction, abduction or induction.';
comment on column analytics.attribution.problem_age is 'Iterations since the problem was proposed; null for refused proposals.';
comment on column analytics.attribution.samples is 'Samples consumed.';
comment on column analytics.attribution.mass is 'Sum of their advantages'' absolute values.';
comment on column analytics.attribution.share is 'mass as a share of the update''s, 0 to 1.';

create view analytics.staleness as
select x.name as experiment, e.iteration, (e.body ->> 'to_version')::integer as policy_version,
       (e.body ->> 'from_version')::integer - l.policy_version as versions_behind, l.problem_age, sum(l.samples)::bigint as samples
from log.events e
join log.experiments x on x.number = e.experiment
cross join lateral (
  select m.policy_version, m.iteration - split_part(m.problem, '.', 1)::integer as problem_age, count(*) as samples
  from json_array_elements_text(e.body -> 'consumed') as s (sample)
  join (
    select o.iteration, o.policy_version, coalesce(o.body ->> 'attempt', o.body ->> 'proposal') as sample,
           o.body ->> 'problem' as problem
    from log.events o
    where o.experiment = e.experiment and o.type in ('ProposalMade', 'AttemptMade') and o.iteration = e.iteration
    offset 0
  ) as m on m.sample = s.sample
  group by 1, 2
  offset 0
) as l
where e.type = 'WeightsUpdated'
group by x.name, e.iteration, (e.body ->> 'to_version')::integer, (e.body ->> 'from_version')::integer - l.policy_version,
         l.problem_age;

comment on view analytics.staleness is
'How old the samples of each update are: by policy versions between sampling and training, and by the age of the attempted problem. A
shadow learner''s samples are in its source, and not here.';
comment on column analytics.staleness.experiment is 'Name of the experiment.';
comment on column analytics.staleness.iteration is 'Iteration of the update.';
comment on column analytics.staleness.policy_version is 'Version of the weights that the update made.';
comment on column analytics.staleness.versions_behind is 'Updates between the weights that sampled and those that were trained: 0 is on policy.';
comment on column analytics.staleness.problem_age is 'Iterations since the attempted problem was proposed; null for proposals.';
comment on column analytics.staleness.samples is 'Samples.';

-- Likeness -----------------------------------------------------------------------------------------------------------

create function read.program_shape(p_program text) returns text
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_shape     text;
  v_parameter text;
begin
  -- Strings first, for what is in them is neither comment nor name.
  v_shape := regexp_replace(p_program, '"""(.|\n)*?"""|''''''(.|\n)*?''''''', '""', 'g');
  v_shape := regexp_replace(v_shape, '"([^"\\\n]|\\.)*"|''([^''\\\n]|\\.)*''', '""', 'g');
  v_shape := regexp_replace(v_shape, '#[^\n]*', '', 'g');
  v_shape := regexp_replace(v_shape, '\m[0-9]+(\.[0-9]+)?\M', '0', 'g');
  for v_parameter in
    select distinct btrim(split_part(split_part(p, ':', 1), '=', 1))
    from regexp_matches(v_shape, 'def +f *\(([^)]*)\)') as m (groups)
    cross join lateral regexp_split_to_table(m.groups[1], ',') as p
  loop
    if v_parameter ~ '^[a-zA-Z_][a-zA-Z_0-9]*$' then
      v_shape := regexp_replace(v_shape, '\m' || v_parameter || '\M', 'x', 'g');
    end if;
  end loop;
  return btrim(regexp_replace(regexp_replace(v_shape, '[ \t\r]+', ' ', 'g'), ' *\n\s*', E'\n', 'g'), E' \n');
end
$$;

comment on function read.program_shape is
'A program without what makes near-copies differ: strings are "", numbers 0, the parameters of f are x, comments and spacing are gone. A
comparison of text, not of syntax trees: other names of variables still make another shape.';

create view analytics.near_duplicates as
select experiment, problem, kind, iteration, policy_version, shape,
       first_value(problem) over (partition by experiment, kind, shape order by position nulls first) as first_problem,
       count(*) over (partition by experiment, kind, shape order by position nulls first
                      rows between unbounded preceding and current row) as place,
       count(*) over (partition by experiment, kind, shape) as problems
from (
  select experiment, problem, kind, iteration, policy_version, position, read.program_shape(program) as shape
  from read.problems
) as shaped;

comment on view analytics.near_duplicates is
  'One row an accepted problem with the shape of its program (read.program_shape): problems of one shape are near-duplicates, whatever their inputs.';
comment on column analytics.near_duplicates.experiment is 'Name of the experiment.';
comment on column analytics.near_duplicates.problem is 'The problem.';
comment on column analytics.near_duplicates.kind is 'deduction, abduction or induction.';
comment on column analytics.near_duplicates.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column analytics.near_duplicates.policy_version is 'Version of the weights that proposed it.';
comment on column analytics.near_duplicates.shape is 'The shape of its program.';
comment on column analytics.near_duplicates.first_problem is 'The first problem of its kind with this shape.';
comment on column analytics.near_duplicates.place is 'Its place among them: 1 is the first, and no near-duplicate.';
comment on column analytics.near_duplicates.problems is 'Problems of its kind with this shape.';

create view analytics.novelty as
select experiment, iteration, kind, count(*) as problems, count(*) filter (where place = 1) as new_shapes,
       count(*) filter (where place = 1)::float8 / count(*) as new_shape_share
from analytics.near_duplicates
group by experiment, iteration, kind;

comment on view analytics.novelty is 'How many accepted problems have a program of a shape that their kind had not seen, by kind and iteration.';
comment on column analytics.novelty.experiment is 'Name of the experiment.';
comment on column analytics.novelty.iteration is 'Iteration; 0 is seeding, with the given problems.';
comment on column analytics.novelty.kind is 'deduction, abduction or induction.';
comment on column analytics.novelty.problems is 'Accepted problems.';
comment on column analytics.novelty.new_shapes is 'Those whose shape is new.';
comment on column analytics.novelty.new_shape_share is 'new_shapes / problems, 0 to 1.';

-- What it costs ------------------------------------------------------------------------------------------------------

create function analytics.watts() returns double precision
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
  select coalesce(nullif(current_setting('autodidact.cores', true), '')::float8, 2)
       * coalesce(nullif(current_setting('autodidact.watts_per_core', true), '')::float8, 10)
$$;

comment on function analytics.watts is
'What a busy machine is taken to draw: autodidact.cores (2 if not set) × autodidact.watts_per_core (10 if not set), both of the session:
set autodidact.watts_per_core = 15. A proxy, not a measurement.';

create view analytics.costs as
select experiment, iteration, phase, steps, seconds, tokens, tokens_per_second, seconds * analytics.watts() as joules,
       seconds * analytics.watts() / nullif(tokens, 0) as joules_per_token,
       seconds / nullif(sum(seconds) over (partition by experiment, iteration), 0) as seconds_share
from analytics.throughput;

comment on view analytics.costs is
  'Tokens, seconds and joules by phase and iteration. Joules are a proxy: seconds × analytics.watts(), as if every core were busy.';
comment on column analytics.costs.experiment is 'Name of the experiment.';
comment on column analytics.costs.iteration is 'Iteration; 0 is seeding.';
comment on column analytics.costs.phase is 'propose, verify, probe, solve, update, checkpoint or other.';
comment on column analytics.costs.steps is 'Steps committed.';
comment on column analytics.costs.seconds is 'Wall-clock seconds.';
comment on column analytics.costs.tokens is 'Tokens sampled or trained.';
comment on column analytics.costs.tokens_per_second is 'tokens / seconds.';
comment on column analytics.costs.joules is 'seconds × analytics.watts().';
comment on column analytics.costs.joules_per_token is 'joules / tokens; null without tokens.';
comment on column analytics.costs.seconds_share is 'Share of the iteration''s seconds, 0 to 1.';

create view analytics.cost_per_problem as
select t.experiment, t.iteration, coalesce(a.admitted, 0) as admitted, coalesce(l.learnable, 0) as learnable, t.seconds,
       t.tokens, t.seconds / a.admitted as seconds_per_admitted, t.tokens::float8 / a.admitted as tokens_per_admitted,
       t.seconds * analytics.watts() / a.admitted as joules_per_admitted,
       t.seconds / nullif(l.learnable, 0) as seconds_per_learnable
from (
  select experiment, iteration, sum(seconds) as seconds, sum(tokens)::bigint as tokens
  from analytics.throughput where phase in ('propose', 'verify', 'probe')
  group by experiment, iteration
) as t
left join (
  select x.name as experiment, e.iteration, count(*) as admitted
  from log.events e join log.experiments x on x.number = e.experiment
  where e.type = 'ProblemAdmitted'
  group by x.name, e.iteration
) as a on a.experiment = t.experiment and a.iteration = t.iteration
left join (
  select experiment, iteration, sum(learnable)::bigint as learnable
  from analytics.learnability_curve group by experiment, iteration
) as l on l.experiment = t.experiment and l.iteration = t.iteration;

comment on view analytics.cost_per_problem is
  'What a new problem costs, by iteration: proposing, verifying and probing. Verifying includes that of the solve attempts.';
comment on column analytics.cost_per_problem.experiment is 'Name of the experiment.';
comment on column analytics.cost_per_problem.iteration is 'Iteration; 0 is seeding.';
comment on column analytics.cost_per_problem.admitted is 'Problems admitted to the buffers.';
comment on column analytics.cost_per_problem.learnable is 'Problems that some but not all probes solved.';
comment on column analytics.cost_per_problem.seconds is 'Seconds of proposing, verifying and probing.';
comment on column analytics.cost_per_problem.tokens is 'Tokens sampled for proposals and probes.';
comment on column analytics.cost_per_problem.seconds_per_admitted is 'seconds / admitted; null without any.';
comment on column analytics.cost_per_problem.tokens_per_admitted is 'tokens / admitted; null without any.';
comment on column analytics.cost_per_problem.joules_per_admitted is 'seconds × analytics.watts() / admitted: a proxy; null without any.';
comment on column analytics.cost_per_problem.seconds_per_learnable is 'seconds / learnable; null without any.';

-- Provenance, transitively -------------------------------------------------------------------------------------------

create function analytics.provenance_of(p_experiment text, p_policy_version integer, p_hops_max integer default 1000)
returns table (hops integer, hop text, source text, target text, experiment text, "position" bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  v_iteration integer;
  v_consumed  json;
  v_number    integer := (select x.number from log.experiments x where x.name = p_experiment);
  v_frontier  text[];    -- problems and proposals whose hops come next
  v_attempted text[];
  v_seen      text[] := '{}';
  v_hops      text[];
  v_sources   text[];
  v_targets   text[];
  v_names     text[];
  v_positions bigint[];
begin
  -- The samples. A fork's history begins in its ancestors: log.lineage has the parts.
  select e.iteration, e.body -> 'consumed' into v_iteration, v_consumed
  from log.lineage l
  join log.events e on e.experiment = l.ancestor and e.type = 'WeightsUpdated'
    and (l.last_position is null or e.position <= l.last_position)
  where l.experiment = v_number and (e.body ->> 'to_version')::integer = p_policy_version
  order by e.position desc limit 1;

  with made as materialized (
    select a.name, m.position, coalesce(m.body ->> 'proposal', m.body ->> 'attempt') as sample, m.body ->> 'problem' as problem
    from log.lineage l
    join log.experiments a on a.number = l.ancestor
    join log.events m on m.experiment = l.ancestor and m.iteration = v_iteration and m.type in ('ProposalMade', 'AttemptMade')
      and (l.last_position is null or m.position <= l.last_position)
    where l.experiment = v_number
  )
  select array_agg(c.sample), array_agg(m.problem), array_agg(m.name), array_agg(m.position)
  into v_sources, v_targets, v_names, v_positions
  from json_array_elements_text(v_consumed) as c (sample) left join made m on m.sample = c.sample;

  return query
    select 1, 'consumed', 'policy ' || p_policy_version, u.source, u.name, u.place
    from unnest(v_sources, v_names, v_positions) as u (source, name, place)
    where p_hops_max >= 1
    union all
    select 2, 'attempted', u.source, u.target, u.name, u.place
    from unnest(v_sources, v_targets, v_names, v_positions) as u (source, target, name, place)
    where u.target is not null and p_hops_max >= 2;

  -- From problem to problem, each once, at its shortest distance.
  v_frontier := array(
    select u.source from unnest(v_sources, v_targets) as u (source, target) where u.target is null and u.source is not null);
  v_attempted := array(select distinct t from unnest(v_targets) as t where t is not null);
  for v_hop in 2..p_hops_max loop
    v_seen := v_seen || v_frontier;
    select array_agg(r.hop), array_agg(f.problem), array_agg(r.problem), array_agg(a.name), array_agg(m.position)
    into v_hops, v_sources, v_targets, v_names, v_positions
    from unnest(v_frontier) as f (problem)
    cross join log.lineage l
    join log.experiments a on a.number = l.ancestor
    cross join lateral (
      select e.position, e.body from log.events e
      where e.experiment = l.ancestor and e.type = 'ProposalMade' and e.body ->> 'proposal' = f.problem
        and (l.last_position is null or e.position <= l.last_position)
      offset 0  -- by index, problem by problem
    ) as m
    cross join lateral (
      select 'was shown' as hop, s.problem from json_array_elements_text(m.body -> 'references') as s (problem)
      union all
      select 'was given the program of', m.body ->> 'program' where m.body ->> 'program' is not null
    ) as r
    where l.experiment = v_number;
    return query
      select v_hop, u.hop, u.source, u.target, u.name, u.place
      from unnest(v_hops, v_sources, v_targets, v_names, v_positions) as u (hop, source, target, name, place);
    v_frontier := array(
      (select unnest(v_targets) union select unnest(v_attempted) where v_hop = 2) except select unnest(v_seen));
    exit when v_frontier = '{}';
  end loop;
end
$$;

comment on function analytics.provenance_of is
'Everything that a policy version''s update comes from: the consumed samples (hops 1), the problems they attempted (2), the problems the
proposers of those were shown, and so on down to the given ones. One row a hop, hops counted on the shortest way; of a fork, its
ancestors'' part too. hop: consumed, attempted, was shown or was given the program of; position: that of ProposalMade or AttemptMade.';

-- Comparison ---------------------------------------------------------------------------------------------------------

create view analytics.comparison as
select e.experiment, e.model, e.seed, e.state, s.formula, e.iterations, e.policy_version, i.seconds, i.tokens_sampled,
       i.tokens_trained, p.proposals, p.accepted_share, p.learnable_share, a.solve_rate, a.solve_rate_first,
       a.solve_rate_last, u.effective_group_ratio, u.ratio_distance_max, v.pass_at_1_base, v.pass_at_1_last
from read.experiments e
join read.settings s on s.experiment = e.experiment
left join (
  select experiment, sum(seconds) as seconds, sum(tokens) filter (where phase in ('propose', 'probe', 'solve'))::bigint
           as tokens_sampled, sum(tokens) filter (where phase = 'update')::bigint as tokens_trained
  from read.steps group by experiment
) as i on i.experiment = e.experiment
left join (
  select experiment, count(*) as proposals, count(*) filter (where accepted)::float8 / count(*) as accepted_share,
         count(*) filter (where learnability > 0)::float8 / count(*) as learnable_share
  from read.proposals where iteration > 0 group by experiment
) as p on p.experiment = e.experiment
left join (
  select experiment, sum(solves_correct)::float8 / nullif(sum(solves), 0)::float8 as solve_rate,
         sum(solves_correct) filter (where from_first <= 5)::float8
           / nullif(sum(solves) filter (where from_first <= 5), 0)::float8 as solve_rate_first,
         sum(solves_correct) filter (where from_last <= 5)::float8
           / nullif(sum(solves) filter (where from_last <= 5), 0)::float8 as solve_rate_last
  from (
    select experiment, solves, solves_correct,
           dense_rank() over (partition by experiment order by iteration) as from_first,
           dense_rank() over (partition by experiment order by iteration desc) as from_last
    from analytics.solve_rate where solves > 0
  ) as ranked
  group by experiment
) as a on a.experiment = e.experiment
left join (
  select experiment, avg(effective_group_ratio) as effective_group_ratio, max(ratio_distance_max) as ratio_distance_max
  from analytics.update_statistics group by experiment
) as u on u.experiment = e.experiment
left join (
  select experiment, max(pass_at_1) filter (where policy_version = 0) as pass_at_1_base,
         (array_agg(pass_at_1 order by policy_version desc, position desc))[1] as pass_at_1_last
  from read.evaluations where is_complete and temperature = 0 group by experiment
) as v on v.experiment = e.experiment;

comment on view analytics.comparison is 'One row an experiment, to set experiments side by side; analytics.settings_differences says in what they differ.';
comment on column analytics.comparison.experiment is 'Name of the experiment.';
comment on column analytics.comparison.model is 'The model that began.';
comment on column analytics.comparison.seed is 'Root of all randomness.';
comment on column analytics.comparison.state is 'The word its last event left.';
comment on column analytics.comparison.formula is 'The reward formula.';
comment on column analytics.comparison.iterations is 'Iterations of self-play completed.';
comment on column analytics.comparison.policy_version is 'Updates of the weights.';
comment on column analytics.comparison.seconds is 'Seconds of its measured steps; of a fork, those of its own part, as in every figure to the right.';
comment on column analytics.comparison.tokens_sampled is 'Tokens sampled.';
comment on column analytics.comparison.tokens_trained is 'Tokens trained.';
comment on column analytics.comparison.proposals is 'Proposals in self-play.';
comment on column analytics.comparison.accepted_share is 'Share of them that were accepted, 0 to 1.';
comment on column analytics.comparison.learnable_share is 'Share of them that some but not all probes solved, 0 to 1.';
comment on column analytics.comparison.solve_rate is 'Share of the solve attempts that were right, 0 to 1. On problems of its own making.';
comment on column analytics.comparison.solve_rate_first is 'The same over the first five iterations with solve attempts.';
comment on column analytics.comparison.solve_rate_last is 'The same over the last five.';
comment on column analytics.comparison.effective_group_ratio is 'Mean share of the baselines'' groups whose rewards differ, 0 to 1.';
comment on column analytics.comparison.ratio_distance_max is 'Largest distance of an importance ratio from 1, over all updates.';
comment on column analytics.comparison.pass_at_1_base is 'Complete greedy evaluation of its version 0, the best if there are several; null without one.';
comment on column analytics.comparison.pass_at_1_last is 'The same of the latest version that was evaluated.';

create view analytics.settings_differences as
with recursive parts (experiment, key, value) as (
  select experiment, null::text, settings from read.experiments
  union all
  select p.experiment, coalesce(p.key || '.', '') || v.key, v.value
  from parts p
  cross join lateral json_each(case when json_typeof(p.value) = 'object' then p.value end) as v
), leaves as (
  select experiment, key, value::text as value from parts where json_typeof(value) <> 'object'
)
select a.experiment, b.experiment as other, coalesce(x.key, y.key) as key, x.value, y.value as other_value
from read.experiments a
join read.experiments b on b.experiment <> a.experiment
cross join lateral (
  select coalesce(l.key, r.key) as key, l.value, r.value as other_value
  from (select key, value from leaves where leaves.experiment = a.experiment) as l
  full join (select key, value from leaves where leaves.experiment = b.experiment) as r on r.key = l.key
  where l.value is distinct from r.value
) as d
cross join lateral (select d.key, d.value) as x
cross join lateral (select d.key, d.other_value as value) as y;

comment on view analytics.settings_differences is 'One row a settings key in which two experiments differ, for every ordered pair of experiments.';
comment on column analytics.settings_differences.experiment is 'Name of an experiment.';
comment on column analytics.settings_differences.other is 'Name of another.';
comment on column analytics.settings_differences.key is 'The settings key, such as play.batch.';
comment on column analytics.settings_differences.value is 'Its value in the first, as JSON; null where the key was not known when it was created.';
comment on column analytics.settings_differences.other_value is 'Its value in the other.';

-- Roles --------------------------------------------------------------------------------------------------------------

do $$ begin perform log.grant_roles(); end $$;
