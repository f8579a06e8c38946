-- Conditions of an experiment's health (docs/events.md, ConditionBegan), from when they held until when.

create view read.conditions as
select x.name as experiment, b.body ->> 'condition' as condition, b.iteration,
       (select min(e.iteration) from log.events e
        where e.experiment = b.experiment and e.type = 'ConditionEnded' and e.position > b.position
          and e.body ->> 'condition' = b.body ->> 'condition') as iteration_ended,
       (b.body ->> 'value')::float8 as value, (b.body ->> 'threshold')::float8 as threshold, b.position, b.recorded_at
from log.events b
join log.experiments x on x.number = b.experiment
where b.type = 'ConditionBegan';

comment on view read.conditions is 'One row a condition of an experiment''s health: what began when, by which figure, and when it was over.';
comment on column read.conditions.experiment is 'Name of the experiment.';
comment on column read.conditions.condition is
  'starvation, duplicates, common_output, saturation, entropy_collapse, length_drift or verifier_exploit (settings health.*).';
comment on column read.conditions.iteration is 'Iteration whose figure began it; 0 is seeding.';
comment on column read.conditions.iteration_ended is 'First iteration that did not show it any more; null while it holds.';
comment on column read.conditions.value is 'The figure that decided.';
comment on column read.conditions.threshold is 'What the figure was judged against.';
comment on column read.conditions.position is 'Position of the event.';
comment on column read.conditions.recorded_at is 'When it was recorded, by the server''s clock.';

-- The view looks for a few events among very many.
create index events_of_conditions on log.events (experiment, type, position)
  where type in ('ConditionBegan', 'ConditionEnded');

do $$ begin perform log.grant_roles(); end $$;
