-- Updates that were tried before they were kept (docs/events.md, UpdateTried): problem by problem.

create view read.update_trials as
select x.name as experiment, e.iteration, e.policy_version, t.trial ->> 'problem' as problem,
       split_part(t.trial ->> 'problem', '.', 2) as kind, (t.trial #>> '{before,attempts}')::integer as attempts,
       (t.trial #>> '{before,correct}')::integer as correct_before, (t.trial #>> '{after,correct}')::integer as correct_after,
       case when (e.body -> 'gained')::jsonb ? (t.trial ->> 'problem') then 'gained'
            when (e.body -> 'lost')::jsonb ? (t.trial ->> 'problem') then 'lost' end as moved,
       (e.body ->> 'is_accepted')::boolean as is_accepted, e.body ->> 'weights_digest' as weights_digest, e.position
from log.events e
join log.experiments x on x.number = e.experiment
cross join lateral json_array_elements(e.body -> 'trials') as t (trial)
where e.type = 'UpdateTried';

comment on view read.update_trials is 'One row a problem that an update was tried on before it was kept (settings acceptance.*), with how old and new weights did.';
comment on column read.update_trials.experiment is 'Name of the experiment.';
comment on column read.update_trials.iteration is 'Iteration whose update was tried.';
comment on column read.update_trials.policy_version is 'Version of the old weights.';
comment on column read.update_trials.problem is 'The problem that both were tried on.';
comment on column read.update_trials.kind is 'Its kind.';
comment on column read.update_trials.attempts is 'Attempts of each at it.';
comment on column read.update_trials.correct_before is 'How many of the old weights were right.';
comment on column read.update_trials.correct_after is 'How many of the new ones.';
comment on column read.update_trials.moved is 'gained: it became solved; lost: it became unsolved; null: neither, or the attempts do not show it.';
comment on column read.update_trials.is_accepted is 'Whether the update was kept.';
comment on column read.update_trials.weights_digest is 'Digest of the new weights.';
comment on column read.update_trials.position is 'Position of the event.';
