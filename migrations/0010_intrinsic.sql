-- Intrinsic rewards and composite functions: rewards with the parts that an experiment pays beside learnability, and what became of
-- proposals that were given functions. Both are off by default, and then every view says what it said before.
--
-- As before, nothing is stored, and columns are added at the end.

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
       coalesce(c.body #>> '{settings,play,proposer}', 'trained') as proposer_weights,
       c.body #> '{settings,intrinsic}' as intrinsic,
       coalesce((c.body #>> '{settings,composite,probability}')::float8, 0) as composite_probability
from log.experiments x
join log.events c on c.experiment = x.number and c.version = coalesce(x.parent_version, 0) + 1
where x.name not like 'evaluation/%'
offset 0;

comment on column read.settings.intrinsic is 'Settings of the intrinsic rewards (intrinsic.*); null where all are off.';
comment on column read.settings.composite_probability is
  'Probability that a proposal is given functions to call, before its schedule; 0 is off.';

-- Rewards ------------------------------------------------------------------------------------------------------------

create function read.surprise(p_counts json) returns float8
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_seen  float8 := (p_counts ->> 'seen')::float8;
  v_equal float8;
  v_sum   float8 := 0;
  v_count float8 := 0;
begin
  -- One after the other: a sum of floats depends on its order.
  for v_equal in
    select e.number::float8 from json_array_elements_text(p_counts -> 'equal') with ordinality as e (number, place)
    order by e.place
  loop
    v_sum := v_sum + case when v_seen = 0 then 1 else 1 - v_equal / v_seen end;
    v_count := v_count + 1;
  end loop;
  return v_sum / v_count;
end
$$;

comment on function read.surprise is
'Mean of 1 − p(value) over the values of one side of a problem''s pairs, from the recorded counts: how many values of its kind there were
before, and how many of them equal each; 1 where there were none.';

create function read.intrinsic_rewards(p_settings json, p_kind text, p_verified json)
returns table (place integer, part text, value float8)
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_parts       constant text[] := array[
    'complexity', 'edit_distance', 'halstead', 'answer_diversity', 'input_diversity', 'output_diversity'];
  v_coefficient float8;
  v_measure     float8;
begin
  for v_place in 1..array_length(v_parts, 1) loop
    place := v_place;
    part := v_parts[v_place];
    v_coefficient := (p_settings ->> (part || '_coefficient'))::float8;
    continue when v_coefficient is null or v_coefficient <= 0;
    v_measure :=
      case part
        when 'complexity' then (p_verified #>> '{measures,cognitive}')::float8 / 15
        when 'edit_distance' then (p_verified #>> '{measures,distance}')::float8 / 1000000
        when 'halstead' then
          0.5::float8 * least((p_verified #>> '{measures,effort}')::float8 / 1000 / 10000, 1)
          + 0.3::float8 * least((p_verified #>> '{measures,cyclomatic}')::float8 / 10, 1)
          + 0.2::float8 * least((p_verified #>> '{measures,volume}')::float8 / 1000 / 500, 1)
        when 'answer_diversity' then
          case p_kind when 'deduction' then read.surprise(p_verified #> '{earlier,outputs}')
                      when 'abduction' then read.surprise(p_verified #> '{earlier,inputs}') end
        when 'input_diversity' then
          case when p_kind = 'induction' then read.surprise(p_verified #> '{earlier,inputs}') end
        when 'output_diversity' then
          case when p_kind = 'induction' then read.surprise(p_verified #> '{earlier,outputs}') end
      end;
    -- The least of a number and nothing is the number.
    continue when v_measure is null or (part = 'halstead' and p_verified -> 'measures' is null);
    value := least(v_coefficient * v_measure, (p_settings ->> (part || '_max'))::float8);
    return next;
  end loop;
end
$$;

comment on function read.intrinsic_rewards is
'The intrinsic rewards of an accepted proposal, in the order in which they are added and multiplied: min(coefficient · measure, max) of
each part that settings.intrinsic turns on and that its kind has. Takes the body of ProposalVerified.';

create function read.reward_with_intrinsic(p_learnability float8, p_settings json, p_kind text, p_verified json) returns float8
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_value   float8;
  v_sum     float8 := 0;
  v_product float8 := 1;
  v_is_paid boolean := false;
begin
  for v_value in select r.value from read.intrinsic_rewards(p_settings, p_kind, p_verified) as r order by r.place loop
    v_sum := v_sum + v_value;
    v_product := v_product * v_value;
    v_is_paid := true;
  end loop;
  if not v_is_paid then return p_learnability; end if;
  return case p_settings ->> 'combination'
           when 'sum' then p_learnability + v_sum
           when 'multiply' then p_learnability * v_product
           when 'sum_multiply' then p_learnability + v_product
           when 'multiply_sum' then p_learnability * v_sum
         end;
end
$$;

comment on function read.reward_with_intrinsic is
'Learnability joined with the intrinsic rewards as intrinsic.combination says; learnability alone where there are none.';

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
  select experiment, iteration, body ->> 'problem' as problem, count(*) as attempts,
         count(*) filter (where body ->> 'verdict' = 'correct') as correct
  from log.events where type = 'AttemptVerified' and split_part(body ->> 'attempt', '.', 2) = 'probe'
  group by experiment, iteration, body ->> 'problem'
) as p on p.experiment = m.experiment and p.iteration = m.iteration and p.problem = m.proposal;

comment on view read.proposals is
'One row a proposal, seeding included. Its reward is a projection of recorded facts by the formula recorded in ExperimentCreated.
azr-composite/1: a duplicate gets reward_duplicate, any other refusal and an accepted problem that is unformatted reward_malformed;
else a problem that k of its n probes solved gets 1 − k/n if 0 < k < n, with the intrinsic rewards that are on
(read.reward_with_intrinsic), and reward_unlearnable if not. azr-code/1: −0.5 instead of reward_unlearnable. random/1: drawn from the
seed and the proposal''s id among all these values but the intrinsic ones, whatever the outcome.';
comment on column read.proposals.functions is
  'The problems whose functions it was given to call, as a JSON array; the n-th is g_n. Null for proposals that were given none.';
comment on column read.proposals.forwards is
  'Of an accepted composite problem: whether f only hands its arguments on to the functions it was given. Null for all others.';

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
      select v.cause as position, v.body ->> 'attempt' as attempt, v.body ->> 'problem' as problem,
             v.body ->> 'verdict' as verdict
      from log.events v where v.experiment = e.experiment and v.type = 'AttemptVerified' and v.iteration = e.iteration
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

-- What is paid, and what is composed ---------------------------------------------------------------------------------

create view analytics.intrinsic_parts as
select p.experiment, p.iteration, p.kind, r.part, count(*) as samples, avg(r.value) as mean_value, max(r.value) as value_max
from read.proposals p
join read.settings s on s.experiment = p.experiment
join log.events v on v.position = p.verified_position
cross join lateral read.intrinsic_rewards(s.intrinsic, p.kind, v.body) as r
where s.intrinsic is not null and s.formula <> 'random/1' and p.learnability > 0 and not p.unformatted and p.iteration > 0
group by p.experiment, p.iteration, p.kind, r.part;

comment on view analytics.intrinsic_parts is
'What the intrinsic rewards of an iteration come to, by kind and part: of learnable, well-formed proposals, which alone are paid them.';
comment on column analytics.intrinsic_parts.experiment is 'Name of the experiment.';
comment on column analytics.intrinsic_parts.iteration is 'Iteration.';
comment on column analytics.intrinsic_parts.kind is 'deduction, abduction or induction.';
comment on column analytics.intrinsic_parts.part is
  'complexity, edit_distance, halstead, answer_diversity, input_diversity or output_diversity.';
comment on column analytics.intrinsic_parts.samples is 'Proposals that were paid it.';
comment on column analytics.intrinsic_parts.mean_value is 'Their mean, after coefficient and maximum.';
comment on column analytics.intrinsic_parts.value_max is 'The largest.';

create view analytics.composites as
select experiment, iteration, kind, count(*) as proposals, count(*) filter (where accepted) as accepted,
       count(*) filter (where refusal = 'composition') as uncomposed, count(*) filter (where forwards) as forwarding,
       count(*) filter (where forwards)::float8 / nullif(count(*) filter (where accepted), 0) as forwarding_share,
       avg(json_array_length(functions))::float8 as mean_functions, avg(learnability) as mean_learnability
from read.proposals where functions is not null
group by experiment, iteration, kind;

comment on view analytics.composites is
'Proposals that were given functions to build upon (composite.probability), and the shortcut f = g: the share of them that only forwards.';
comment on column analytics.composites.experiment is 'Name of the experiment.';
comment on column analytics.composites.iteration is 'Iteration.';
comment on column analytics.composites.kind is 'deduction or abduction.';
comment on column analytics.composites.proposals is 'Proposals that were given functions.';
comment on column analytics.composites.accepted is 'Those that became problems.';
comment on column analytics.composites.uncomposed is 'Those refused because a function is not called with arguments of f, or is defined anew.';
comment on column analytics.composites.forwarding is 'Accepted ones whose f only hands its arguments on.';
comment on column analytics.composites.forwarding_share is 'forwarding / accepted, 0 to 1; null without accepted ones.';
comment on column analytics.composites.mean_functions is 'Functions they were given, on average.';
comment on column analytics.composites.mean_learnability is 'Mean learnability of the accepted ones.';
