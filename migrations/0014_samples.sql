-- What an update consumed and what proposals were made from, stored: views that weigh lessons, compare programs or follow provenance read
-- it up to the position that has been acknowledged, and the log after that (docs/decisions/0013-views.md). Names and columns are as they
-- were.

-- Origins ------------------------------------------------------------------------------------------------------------

create table projection.origins_1 (
  number            bigint   not null,
  position          bigint   not null,
  verified_position bigint   not null,
  program_key       bigint,
  problem_key       bigint,
  given             bigint,
  experiment        integer  not null,
  iteration         integer  not null,
  policy_version    integer,
  verified_version  integer,
  inherited         boolean  not null,
  unformatted       boolean  not null,
  kind              text     not null,
  proposal          text     not null,
  refusal           text,
  repeats           text,
  shown             bigint[] not null,
  primary key (experiment, number)
);

comment on table projection.origins_1 is
'One row a verified proposal, under the experiment that recorded the verdict: which problems it was made from, what became of it, and its
program as numbers that are equal where programs are.';
comment on column projection.origins_1.number is 'Its id as one number: projection.problem_number makes it, projection.problem_name says it.';
comment on column projection.origins_1.position is 'Position of ProposalMade.';
comment on column projection.origins_1.verified_position is 'Position of ProposalVerified.';
comment on column projection.origins_1.program_key is 'projection.text_key of its program; null if refused.';
comment on column projection.origins_1.problem_key is 'projection.problem_key of its program and inputs; null if refused.';
comment on column projection.origins_1.given is 'The problem whose program it was given, as a number; null for most.';
comment on column projection.origins_1.experiment is 'log.experiments.number.';
comment on column projection.origins_1.iteration is 'Iteration; 0 is seeding.';
comment on column projection.origins_1.policy_version is 'Version of the weights when it was proposed.';
comment on column projection.origins_1.verified_version is 'Version of the weights when it was verified.';
comment on column projection.origins_1.inherited is 'Whether an experiment that this one was forked from proposed it.';
comment on column projection.origins_1.unformatted is 'Whether it was accepted although the completion is not of the form asked for.';
comment on column projection.origins_1.kind is 'deduction, abduction or induction.';
comment on column projection.origins_1.proposal is 'Its id; the id of the problem if it is accepted.';
comment on column projection.origins_1.refusal is 'Why it was refused; null if it was not.';
comment on column projection.origins_1.repeats is 'Of a duplicate: the problem it repeats, as the verifier said.';
comment on column projection.origins_1.shown is 'The problems its proposer was shown, in order, as numbers.';

-- Samples ------------------------------------------------------------------------------------------------------------

create table projection.samples_1 (
  position       bigint    not null,
  experiment     integer   not null,
  iteration      integer,
  policy_version integer   not null,
  from_version   integer   not null,
  samples        text[]    not null,
  kinds          text[]    not null,
  purposes       text[]    not null,
  problems       text[]    not null,
  outcomes       text[]    not null,
  positions      bigint[]  not null,
  versions       integer[] not null,
  probes         integer[] not null,
  probes_correct integer[] not null,
  baselines      float8[]  not null,
  deviations     float8[]  not null,
  primary key (experiment, position)
);

comment on table projection.samples_1 is
'One row an update, under the experiment that recorded it, with what it consumed: arrays of one length, a place a sample, in batch order.
What the experiment did not record itself is null, as in a batch that a fork shares or that a shadow learner was given.';
comment on column projection.samples_1.position is 'Position of WeightsUpdated.';
comment on column projection.samples_1.experiment is 'log.experiments.number.';
comment on column projection.samples_1.iteration is 'Iteration whose samples it consumed.';
comment on column projection.samples_1.policy_version is 'Policy version after it.';
comment on column projection.samples_1.from_version is 'Policy version before it.';
comment on column projection.samples_1.samples is 'Ids of proposals and attempts.';
comment on column projection.samples_1.kinds is 'deduction, abduction or induction.';
comment on column projection.samples_1.purposes is 'propose, probe or solve.';
comment on column projection.samples_1.problems is 'The attempted problem; of a proposal the one it became, null if it was refused.';
comment on column projection.samples_1.outcomes is 'The verdict; of a proposal the reason of its refusal, accepted or unformatted.';
comment on column projection.samples_1.positions is 'Position of ProposalMade or AttemptMade.';
comment on column projection.samples_1.versions is 'Version of the weights that drew it; null where another experiment did.';
comment on column projection.samples_1.probes is 'Of an accepted proposal: its probes; null without any.';
comment on column projection.samples_1.probes_correct is 'How many of them were correct.';
comment on column projection.samples_1.baselines is 'Mean reward of the group it was measured against; null without one.';
comment on column projection.samples_1.deviations is 'Standard deviation of the rewards of that group.';

insert into projection.versions (version, is_current, name, tables) values
  (1, true, 'origins', array['origins']),
  (1, true, 'samples', array['samples']);

do $$ begin perform projection.show('origins', 1); perform projection.show('samples', 1); end $$;

-- Numbers for names and texts ----------------------------------------------------------------------------------------

create function projection.problem_number(p_problem text) returns bigint
language sql immutable strict parallel safe as $$
  select (split_part(p_problem, '.', 1)::bigint << 32)
       | (case split_part(p_problem, '.', 2) when 'deduction' then 0 when 'abduction' then 1 else 2 end::bigint << 30)
       | split_part(p_problem, '.', 3)::bigint
$$;

comment on function projection.problem_number is 'The id of a proposal or problem as one number: iteration, kind and slot from the top down.';

create function projection.problem_name(p_number bigint) returns text
language sql immutable strict parallel safe as $$
  select (p_number >> 32) || case (p_number >> 30) & 3 when 0 then '.deduction.' when 1 then '.abduction.' else '.induction.' end
         || (p_number & 1073741823)
$$;

comment on function projection.problem_name is 'The id that projection.problem_number made a number of.';

create function projection.text_key(p_text text) returns bigint
language sql immutable strict parallel safe as $$
  select ('x' || encode(substr(sha256(convert_to(p_text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
$$;

comment on function projection.text_key is
'A text as one number, to compare many: the first eight bytes of its SHA-256. Two different texts among a million have the same with a
probability of 3 in 10⁸.';

create function projection.problem_key(p_program text, p_pairs json) returns bigint
language sql immutable strict parallel safe as $$
  select projection.text_key(
    btrim(regexp_replace(regexp_replace(p_program, '[ \t\r]+(\n|$)', '\1', 'g'), '\n+', E'\n', 'g'), E'\n') || E'\x01'
    || coalesce((select string_agg(q.pair ->> 'input', E'\n' order by q.place)
                 from json_array_elements(p_pairs) with ordinality as q (pair, place)), ''))
$$;

comment on function projection.problem_key is
'Equal for problems of one kind that repeat each other: the same program, apart from empty lines and trailing space, and the same inputs.';

-- What is stored, and what comes after it ----------------------------------------------------------------------------

create view projection.originated as
select x.name as experiment, x.number as recorder, o.proposal, o.kind, o.iteration, o.policy_version, o.verified_version, o.refusal,
       o.repeats, o.unformatted, o.inherited, o.program_key, o.problem_key, o.position, o.verified_position
from log.experiments x join projection.origins o on o.experiment = x.number
union all
select r.name, r.experiment, e.proposal, split_part(e.proposal, '.', 2), e.iteration, m.policy_version, e.policy_version, e.refusal,
       case when e.refusal = 'duplicate' then e.body ->> 'detail' end, coalesce((e.body ->> 'unformatted')::boolean, false),
       m.experiment <> r.experiment, projection.text_key(e.body #>> '{problem,program}'),
       projection.problem_key(e.body #>> '{problem,program}', e.body #> '{problem,pairs}'), e.cause, e.position
from projection.reached r
cross join lateral (
  select o.iteration, o.policy_version, o.position, o.cause, o.body ->> 'proposal' as proposal, o.body ->> 'refusal' as refusal, o.body
  from log.events o
  where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'ProposalVerified'
  offset 0
) as e
left join log.events m on m.position = e.cause
where r.projection = 'origins';

comment on view projection.originated is
'One row a verified proposal, under the experiment that recorded the verdict: stored ones, and from the log those after them.';
comment on column projection.originated.experiment is 'Name of the experiment.';
comment on column projection.originated.recorder is 'log.experiments.number of it.';
comment on column projection.originated.proposal is 'Its id; the id of the problem if it is accepted.';
comment on column projection.originated.kind is 'deduction, abduction or induction.';
comment on column projection.originated.iteration is 'Iteration; 0 is seeding.';
comment on column projection.originated.policy_version is 'Version of the weights when it was proposed.';
comment on column projection.originated.verified_version is 'Version of the weights when it was verified.';
comment on column projection.originated.refusal is 'Why it was refused; null if it was not.';
comment on column projection.originated.repeats is 'Of a duplicate: the problem it repeats, as the verifier said.';
comment on column projection.originated.unformatted is 'Whether it was accepted although the completion is not of the form asked for.';
comment on column projection.originated.inherited is 'Whether an experiment that this one was forked from proposed it.';
comment on column projection.originated.program_key is 'projection.text_key of its program; null if refused.';
comment on column projection.originated.problem_key is 'projection.problem_key of its program and inputs; null if refused.';
comment on column projection.originated.position is 'Position of ProposalMade.';
comment on column projection.originated.verified_position is 'Position of ProposalVerified.';

create view projection.alike as
select o.experiment, o.proposal as problem, o.kind, o.iteration,
       -- The base model's proposals are of version 0; that of the event is the experiment's.
       case when s.proposer_weights = 'base' then 0 else o.verified_version end as policy_version, o.program_key, o.problem_key,
       o.position, o.verified_position
from projection.originated o left join read.settings s on s.number = o.recorder
where o.refusal is null
union all
select z.experiment, '0.' || k.kind || '.0', k.kind, 0, 0, projection.text_key(E'def f(x):\n    return x'),
       projection.problem_key(
         E'def f(x):\n    return x',
         (select json_agg(json_build_object('input', l.literal) order by n)
          from generate_series(0, case when k.kind = 'induction' then z.inputs - 1 else 0 end) as n
          cross join lateral (
            select (array['''Hello world''', '1', '[1, 2, 3]', '{''a'': 1}', '(1, 2)', 'True', '1.5', '''''', '[]',
                          'None'])[n % 10 + 1] as literal
          ) as l)),
       null, null
from read.settings z cross join unnest(z.kinds) as k (kind);

comment on view projection.alike is 'One row an accepted or given problem, with the keys that are equal where programs and problems are.';
comment on column projection.alike.experiment is 'Name of the experiment.';
comment on column projection.alike.problem is 'Its id.';
comment on column projection.alike.kind is 'deduction, abduction or induction.';
comment on column projection.alike.iteration is 'Iteration it was proposed in; 0 is seeding.';
comment on column projection.alike.policy_version is 'Version of the weights that proposed it; 0 all along where the base model proposes (play.proposer: base).';
comment on column projection.alike.program_key is 'projection.text_key of its program.';
comment on column projection.alike.problem_key is 'projection.problem_key of its program and inputs.';
comment on column projection.alike.position is 'Position of ProposalMade; null for a given problem.';
comment on column projection.alike.verified_position is 'Position of ProposalVerified; null for a given problem.';

create view projection.proposing as
select experiment, iteration, sum(proposals)::bigint as proposals, sum(accepted)::bigint as accepted, sum(learnable)::bigint as learnable
from (
  select x.name as experiment, p.iteration, 1 as proposals, 0 as accepted, 0 as learnable
  from log.experiments x
  join projection.proposals p on p.experiment = x.number and p.position > coalesce(x.parent_position, 0)
  union all
  select r.name, e.iteration, 1, 0, 0
  from projection.reached r
  cross join lateral (
    select o.iteration from log.events o
    where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'ProposalMade'
    offset 0
  ) as e
  where r.projection = 'proposals'
  union all
  select experiment, iteration, 0, 1, 0 from projection.originated where refusal is null and not inherited
  union all
  select p.experiment, p.iteration, 0, 0, 1
  from (
    select experiment, iteration, problem, sum(attempts) as probes, sum(correct) as correct
    from projection.counted where purpose = 'probe'
    group by experiment, iteration, problem
  ) as p
  left join projection.originated i on i.experiment = p.experiment and i.proposal = p.problem and i.inherited
  where p.correct > 0 and p.correct < p.probes and i.proposal is null
) as counted
group by experiment, iteration;

comment on view projection.proposing is
'How many proposals an iteration made, how many of them were accepted, and how many of those some but not all probes solved. What a fork only
verified is its parent''s.';
comment on column projection.proposing.experiment is 'Name of the experiment.';
comment on column projection.proposing.iteration is 'Iteration; 0 is seeding.';
comment on column projection.proposing.proposals is 'Proposals made.';
comment on column projection.proposing.accepted is 'Proposals that became problems.';
comment on column projection.proposing.learnable is 'Of them, those that some but not all probes solved.';

-- The views over them ------------------------------------------------------------------------------------------------

-- The body of an update is some 10 kB: read once a row, not once a column.
create or replace view read.updates as
select x.name as experiment, e.iteration, b.from_version, b.to_version, o.loss, o.entropy, o.gradient_norm, o.ratio_mean,
       o.ratio_distance_max, o.clipped_share, o.log_probability_mismatches, r.proposer_reward, r.solver_reward,
       json_array_length(b.consumed) as consumed, o.sequences, o.tokens, (a.measure ->> 'seconds')::float8 as seconds, b.batch_digest,
       o.weights_digest, o.optimizer_digest, e.position, e.recorded_at as updated_at
from log.events e
join log.experiments x on x.number = e.experiment
left join log.appends a on a.first_position = e.position
cross join lateral json_to_record(e.body) as b (
  from_version integer, to_version integer, batch_digest text, consumed json, groups json, outcome json)
cross join lateral json_to_record(b.outcome) as o (
  loss float8, entropy float8, gradient_norm float8, ratio_mean float8, ratio_distance_max float8, clipped_share float8,
  log_probability_mismatches integer, sequences integer, tokens integer, weights_digest text, optimizer_digest text)
cross join lateral (
  select sum((g ->> 'mean_reward')::float8 * (g ->> 'samples')::integer) filter (where g ->> 'role' = 'proposer')
           / sum((g ->> 'samples')::integer) filter (where g ->> 'role' = 'proposer') as proposer_reward,
         sum((g ->> 'mean_reward')::float8 * (g ->> 'samples')::integer) filter (where g ->> 'role' = 'solver')
           / sum((g ->> 'samples')::integer) filter (where g ->> 'role' = 'solver') as solver_reward
  from json_array_elements(b.groups) as g
  where g ->> 'problem' is null
) as r
where e.type = 'WeightsUpdated';

create or replace view read.reward_groups as
select x.name as experiment, e.iteration, b.to_version as policy_version, g ->> 'role' as role,
       g ->> 'kind' as kind, (g ->> 'samples')::integer as samples, (g ->> 'mean_reward')::float8 as mean_reward,
       (g ->> 'deviation')::float8 as deviation, g ->> 'problem' as problem
from log.events e
join log.experiments x on x.number = e.experiment
cross join lateral json_to_record(e.body) as b (to_version integer, groups json)
cross join lateral json_array_elements(b.groups) as g
where e.type in ('WeightsUpdated', 'UpdateSkipped');

create or replace view analytics.duplicates as
select experiment, proposal, kind, iteration, policy_version, repeats, true as refused
from projection.originated where refusal = 'duplicate' and not inherited
union all
select experiment, problem, kind, iteration, policy_version, first_problem, false
from (
  select experiment, problem, kind, iteration, policy_version,
         first_value(problem) over (partition by experiment, kind, problem_key order by position nulls first) as first_problem
  from projection.alike
) as compared
where problem <> first_problem;

-- A shape for each program, not for each problem: making one takes ten microseconds.
create or replace view analytics.near_duplicates as
select p.experiment, p.problem, p.kind, p.iteration, p.policy_version, s.shape,
       first_value(p.problem) over (partition by p.experiment, p.kind, s.shape order by p.position nulls first) as first_problem,
       count(*) over (partition by p.experiment, p.kind, s.shape order by p.position nulls first
                      rows between unbounded preceding and current row) as place,
       count(*) over (partition by p.experiment, p.kind, s.shape) as problems
from projection.alike p
join (
  -- Grouped at this level, or each would be made after the join, problem by problem.
  select k.experiment, k.program_key,
         read.program_shape(coalesce(
           (select v.body #>> '{problem,program}' from log.events v where v.position = min(k.verified_position)),
           E'def f(x):\n    return x')) as shape
  from projection.alike k group by k.experiment, k.program_key
) as s on s.experiment = p.experiment and s.program_key = p.program_key;

create or replace view analytics.learning_curve as
select i.experiment, i.iteration, i.policy_version_after as policy_version, coalesce(p.proposals, 0) as proposals,
       coalesce(p.accepted, 0) as accepted, p.accepted::float8 / nullif(p.proposals, 0) as accepted_share,
       (p.accepted - coalesce(d.repeated, 0))::float8 / nullif(p.proposals, 0) as new_valid_share,
       coalesce(p.learnable, 0) as learnable, a.probe_solve_rate, coalesce(a.solves, 0) as solves, a.solve_rate,
       g.proposer_reward, g.solver_reward, u.loss, u.entropy, u.gradient_norm, i.seconds
from read.iterations i
left join projection.proposing p on p.experiment = i.experiment and p.iteration = i.iteration
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

create or replace view analytics.comparison as
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
  select experiment, sum(proposals)::bigint as proposals, sum(accepted)::float8 / sum(proposals)::float8 as accepted_share,
         sum(learnable)::float8 / sum(proposals)::float8 as learnable_share
  from projection.proposing where iteration > 0 and proposals > 0 group by experiment
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

-- Rewards by the case of the formula: a number of samples and the reward that all of them have, or under random/1 each by itself.
create or replace view analytics.reward_parts as
select experiment, iteration, role, kind, part, sum(samples)::bigint as samples, sum(samples * reward) / sum(samples) as mean_reward,
       sum(samples)::float8 / sum(sum(samples)) over (partition by experiment, iteration, role, kind)::float8 as share
from (
  select o.experiment, o.iteration, 'proposer' as role, o.kind, 1::bigint as samples,
         case when o.refusal = 'duplicate' then 'duplicate' when o.refusal is not null then 'refused'
              when o.unformatted then 'unformatted' when p.correct > 0 and p.correct < p.attempts then 'learnable'
              when coalesce(p.correct, 0) = 0 then 'unsolved' else 'always_solved' end as part,
         case
           when s.formula = 'random/1' then (
             select case when d.place < s.probes - 1 then (d.place + 1)::float8 / s.probes
                         else (array[s.reward_unlearnable, s.reward_duplicate, s.reward_malformed])
                                [d.place - greatest(s.probes - 1, 0) + 1] end
             from (
               select read.random_below(
                 s.seed, 32, o.kind, o.iteration, split_part(o.proposal, '.', 3)::integer, 0, greatest(s.probes, 1) + 2) as place
             ) as d)
           when s.formula not in ('azr-composite/1', 'azr-code/1') then null
           when o.refusal = 'duplicate' then s.reward_duplicate
           when o.refusal is not null or o.unformatted then s.reward_malformed
           when p.attempts is null then null
           when p.correct > 0 and p.correct < p.attempts and s.intrinsic is null then 1 - p.correct::float8 / p.attempts
           when p.correct > 0 and p.correct < p.attempts then (
             select read.reward_with_intrinsic(1 - p.correct::float8 / p.attempts, s.intrinsic, o.kind, v.body)
             from log.events v where v.position = o.verified_position)
           when s.formula = 'azr-code/1' then -0.5
           else s.reward_unlearnable
         end as reward
  from projection.originated o
  left join read.settings s on s.number = o.recorder
  left join (
    select experiment, iteration, problem, sum(attempts)::bigint as attempts, sum(correct)::bigint as correct
    from projection.counted where purpose = 'probe'
    group by experiment, iteration, problem
  ) as p on p.experiment = o.experiment and p.iteration = o.iteration and p.problem = o.proposal
  where o.iteration > 0 and not o.inherited
  union all
  select c.experiment, c.iteration, 'solver', c.kind, l.samples, l.part, l.reward
  from (
    select experiment, number, iteration, kind, sum(attempts)::bigint as attempts, sum(correct)::bigint as correct,
           sum(malformed)::bigint as malformed
    from projection.counted where purpose = 'solve'
    group by experiment, number, iteration, kind
  ) as c
  join read.settings s on s.number = c.number and s.formula in ('azr-composite/1', 'azr-code/1')
  cross join lateral (
    values ('correct', c.correct, 1::float8), ('malformed', c.malformed, s.reward_malformed),
           ('incorrect', c.attempts - c.correct - c.malformed, s.reward_incorrect)
  ) as l (part, samples, reward)
  where l.samples > 0
  union all
  select z.experiment, v.iteration, 'solver', v.kind, 1::bigint, v.part, v.reward
  from read.settings z
  cross join lateral (
    select iteration, kind, reward, case when verdict in ('correct', 'malformed') then verdict else 'incorrect' end as part
    from read.verdicts where experiment = z.experiment and purpose = 'solve'
    offset 0
  ) as v
  where z.formula = 'random/1'
) as parts
where reward is not null
group by experiment, iteration, role, kind, part;

-- Only where something is paid is anything read.
create or replace view analytics.intrinsic_parts as
select s.experiment, l.iteration, l.kind, l.part, count(*) as samples, avg(l.value) as mean_value, max(l.value) as value_max
from read.settings s
cross join lateral (
  select o.iteration, o.kind, r.part, r.value
  from projection.originated o
  join (
    select iteration, problem, sum(attempts)::bigint as attempts, sum(correct)::bigint as correct
    from projection.counted where number = s.number and purpose = 'probe'
    group by iteration, problem
  ) as p on p.iteration = o.iteration and p.problem = o.proposal
  cross join lateral (select v.body from log.events v where v.position = o.verified_position offset 0) as v
  cross join lateral read.intrinsic_rewards(s.intrinsic, o.kind, v.body) as r
  where o.recorder = s.number and o.refusal is null and not o.unformatted and not o.inherited and o.iteration > 0
    and p.correct > 0 and p.correct < p.attempts
  offset 0
) as l
where s.intrinsic is not null and s.formula <> 'random/1'
group by s.experiment, l.iteration, l.kind, l.part;

-- Stored updates from their arrays; those after them from the log, each by itself.
create or replace view analytics.lessons as
select x.name as experiment, u.iteration, u.policy_version, l.place, l.sample, l.role, l.kind, l.problem, l.reward, l.baseline,
       l.deviation, case when l.deviation > 0 then (l.reward - l.baseline) / l.deviation else 0 end as advantage, l.position, l.purpose
from log.experiments x
join projection.samples u on u.experiment = x.number
left join read.settings s on s.number = x.number
cross join lateral (
  select c.place::integer as place, c.sample, case when c.purpose = 'propose' then 'proposer' else 'solver' end as role, c.kind,
         c.purpose, c.problem, c.position, c.baseline, c.deviation,
         case
           when s.formula = 'random/1' and c.purpose <> 'propose' then
             (array[1, s.reward_incorrect, s.reward_malformed])[1 + read.random_below(
               s.seed, case when c.purpose = 'probe' then 33 else 34 end, c.kind, u.iteration, split_part(c.sample, '.', 4)::integer,
               split_part(c.sample, '.', 5)::integer, 3)]
           when s.formula = 'random/1' then (
             select case when d.place < s.probes - 1 then (d.place + 1)::float8 / s.probes
                         else (array[s.reward_unlearnable, s.reward_duplicate, s.reward_malformed])
                                [d.place - greatest(s.probes - 1, 0) + 1] end
             from (
               select read.random_below(
                 s.seed, 32, c.kind, u.iteration, split_part(c.sample, '.', 3)::integer, 0, greatest(s.probes, 1) + 2) as place
             ) as d)
           when s.formula not in ('azr-composite/1', 'azr-code/1') or c.outcome is null then null
           when c.purpose <> 'propose' then
             case c.outcome when 'correct' then 1 when 'malformed' then s.reward_malformed else s.reward_incorrect end
           when c.outcome = 'duplicate' then s.reward_duplicate
           when c.outcome <> 'accepted' then s.reward_malformed
           when c.probes is null then null
           when c.correct > 0 and c.correct < c.probes and s.intrinsic is null then 1 - c.correct::float8 / c.probes
           when c.correct > 0 and c.correct < c.probes then (
             select read.reward_with_intrinsic(1 - c.correct::float8 / c.probes, s.intrinsic, c.kind, v.body)
             from log.events v
             where v.experiment = x.number and v.type = 'ProposalVerified' and v.iteration = u.iteration and v.cause = c.position)
           when s.formula = 'azr-code/1' then -0.5
           else s.reward_unlearnable
         end as reward
  from unnest(u.samples, u.kinds, u.purposes, u.problems, u.outcomes, u.positions, u.probes, u.probes_correct, u.baselines, u.deviations)
    with ordinality as c (sample, kind, purpose, problem, outcome, position, probes, correct, baseline, deviation, place)
  offset 0
) as l
union all
select v.name, e.iteration, coalesce(e.policy_version + 1, (e.body ->> 'to_version')::integer), l.place, l.sample, l.role,
       l.kind, l.problem, l.reward, l.baseline, l.deviation,
       case when l.deviation > 0 then (l.reward - l.baseline) / l.deviation else 0 end, l.position, l.purpose
from projection.reached v
cross join lateral (
  select o.experiment, o.iteration, o.policy_version, o.position, o.body
  from log.events o
  where o.position > v.position and o.position <= v.last_position and o.experiment = v.experiment and o.type = 'WeightsUpdated'
  offset 0
) as e
left join read.settings s on s.number = v.experiment
left join (
  select experiment, max(position) filter (where projection = 'attempts') as attempts,
         max(position) filter (where projection = 'tallies') as tallies
  from projection.reached group by experiment
) as h on h.experiment = v.experiment
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
where v.projection = 'samples';

-- Attempts have a problem's age, proposals none.
create or replace view analytics.staleness as
select experiment, iteration, policy_version, versions_behind, problem_age, sum(samples)::bigint as samples
from (
  select x.name as experiment, u.iteration, u.policy_version, u.from_version - c.version as versions_behind,
         case when c.purpose <> 'propose' then u.iteration - split_part(c.problem, '.', 1)::integer end as problem_age, count(*) as samples
  from log.experiments x
  join projection.samples u on u.experiment = x.number
  cross join lateral unnest(u.versions, u.purposes, u.problems) as c (version, purpose, problem)
  where c.version is not null
  group by 1, 2, 3, 4, 5
  union all
  select r.name, e.iteration, e.to_version, e.from_version - l.policy_version, l.problem_age, l.samples
  from projection.reached r
  cross join lateral (
    select o.experiment, o.iteration, (o.body ->> 'to_version')::integer as to_version, (o.body ->> 'from_version')::integer as from_version,
           o.body
    from log.events o
    where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'WeightsUpdated'
    offset 0
  ) as e
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
  where r.projection = 'samples'
) as ages
group by experiment, iteration, policy_version, versions_behind, problem_age;

-- Provenance -----------------------------------------------------------------------------------------------------------

-- What updates consumed and problems were attempted from what is stored; proposals, a seventh of it, from the log.
create or replace view analytics.provenance as
select x.name as experiment, u.iteration, 'consumed' as hop, 'policy ' || u.policy_version as source, c.sample as target,
       case when c.version is not null then c.position end as position
from log.experiments x
join projection.samples u on u.experiment = x.number
cross join lateral unnest(u.samples, u.positions, u.versions) as c (sample, position, version)
union all
select r.name, e.iteration, 'consumed', 'policy ' || (e.body ->> 'to_version'), s.sample, m.position
from projection.reached r
cross join lateral (
  select o.experiment, o.iteration, o.body from log.events o
  where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'WeightsUpdated'
  offset 0
) as e
cross join lateral json_array_elements_text(e.body -> 'consumed') as s (sample)
left join log.events m
  on m.experiment = e.experiment and m.iteration = e.iteration and m.type in ('ProposalMade', 'AttemptMade')
 and coalesce(m.body ->> 'proposal', m.body ->> 'attempt') = s.sample
where r.projection = 'samples'
union all
select x.name, a.iteration, 'attempted', a.iteration || '.' || a.purpose || '.' || a.kind || '.' || a.slot || '.' || a.sample, a.problem,
       a.position
from log.experiments x
join projection.attempts a on a.experiment = x.number and a.position > coalesce(x.parent_position, 0)
union all
select r.name, e.iteration, 'attempted', e.body ->> 'attempt', e.body ->> 'problem', e.position
from projection.reached r
cross join lateral (
  select o.iteration, o.position, o.body from log.events o
  where o.position > r.position and o.position <= r.last_position and o.experiment = r.experiment and o.type = 'AttemptMade'
  offset 0
) as e
where r.projection = 'attempts'
union all
select x.name, e.iteration, r.hop, e.body ->> 'proposal', r.problem, e.position
from log.events e
join log.experiments x on x.number = e.experiment
cross join lateral (
  select 'was shown' as hop, s.problem from json_array_elements_text(e.body -> 'references') as s (problem)
  union all
  select 'was given the program of', e.body ->> 'program' where e.body ->> 'program' is not null
) as r
where e.type = 'ProposalMade';

-- The walk that provenance_of takes where projection origins has come to the update, of which every proposal is stored then.
--
-- How far a problem is from the update is the scale of its number: to a recursive union 5.00 and 5.000 are one row, so each problem is found
-- once, at its shortest distance, and no list of those found has to be searched. Number −1 stands for the attempts, whose problems are
-- one hop further than the problems that the consumed proposals were shown from.
create function projection.walk(p_number integer, p_proposals bigint[], p_attempted bigint[], p_hops_max integer)
returns table (hops integer, hop text, source text, target text, experiment text, "position" bigint)
language sql stable as $$
  with recursive parts as materialized (
    select l.ancestor, l.last_position, a.name from log.lineage l join log.experiments a on a.number = l.ancestor where l.experiment = p_number
  ), walk (number) as (
    select round(n.number::numeric, 2) from unnest(p_proposals || -1::bigint) as n (number) where p_hops_max >= 2
    union
    select round(f.number::numeric, scale(f.source) + 1)
    from (
      select w.number as source,
             unnest(case when w.number = -1 then p_attempted when o.given is null then o.shown else o.shown || o.given end) as number
      from walk w
      left join lateral (
        select o.shown, o.given from parts l join projection.origins o on o.experiment = l.ancestor and o.number = w.number::bigint
          and (l.last_position is null or o.position <= l.last_position)
      ) as o on true
      where scale(w.number) < p_hops_max
    ) as f
  )
  select f.hops, case when f.place > f.shown then 'was given the program of' else 'was shown' end, f.proposal,
         projection.problem_name(f.number), f.name, f.position
  from (
    select scale(w.number) as hops, o.proposal, o.position, cardinality(o.shown) as shown,
           case when o.inherited then (select a.name from log.events m join log.experiments a on a.number = m.experiment
                                       where m.position = o.position)
                else l.name end as name,
           unnest(case when o.given is null then o.shown else o.shown || o.given end) as number,
           generate_series(1, cardinality(o.shown) + case when o.given is null then 0 else 1 end) as place
    from walk w
    cross join parts l
    join projection.origins o on o.experiment = l.ancestor and o.number = w.number::bigint
      and (l.last_position is null or o.position <= l.last_position)
    where not o.inherited or not exists (
      select from parts n join projection.origins t on t.experiment = n.ancestor and t.number = o.number
      where t.position = o.position and (not t.inherited or t.experiment < o.experiment))
  ) as f
$$;

comment on function projection.walk is
'The hops from proposals and from attempted problems down to the given ones, by number: the part of analytics.provenance_of that reads what
is stored.';

create or replace function analytics.provenance_of(p_experiment text, p_policy_version integer, p_hops_max integer default 1000)
returns table (hops integer, hop text, source text, target text, experiment text, "position" bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  v_iteration integer;
  v_position  bigint;
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
  v_proposals bigint[];
  v_problems  bigint[];
begin
  -- The samples. A fork's history begins in its ancestors: log.lineage has the parts.
  select e.iteration, e.position, e.body -> 'consumed' into v_iteration, v_position, v_consumed
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

  v_frontier := array(
    select u.source from unnest(v_sources, v_targets) as u (source, target) where u.target is null and u.source is not null);
  v_attempted := array(select distinct t from unnest(v_targets) as t where t is not null);

  -- Scales of numbers end at 2000 and something.
  if p_hops_max <= 1000 and not exists (
    select from log.lineage l join projection.reached r on r.experiment = l.ancestor and r.projection = 'origins'
    where l.experiment = v_number and r.position < least(l.last_position, v_position)
  ) then
    v_proposals := array(select projection.problem_number(u) from unnest(v_frontier) as u);
    v_problems := array(select projection.problem_number(u) from unnest(v_attempted) as u);
    return query select w.* from projection.walk(v_number, v_proposals, v_problems, p_hops_max) as w;
    return;
  end if;

  -- From problem to problem, each once, at its shortest distance.
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

-- Roles --------------------------------------------------------------------------------------------------------------

do $$
begin
  perform log.grant_roles();
  perform projection.grant_roles();
end
$$;
