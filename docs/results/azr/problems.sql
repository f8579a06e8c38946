-- The problems that an experiment invented early (level 1: iterations 1–4) and late (level 2: 9–12), as a suite to evaluate on:
--   psql "$(ops/postgres url)" -XAtq -v name=smol-full-1 -f docs/results/azr/problems.sql > problems-of-smol-full-1.jsonl
--   autodidact evaluate smollm2-135m-instruct --suite ./problems-of-smol-full-1.jsonl --samples 4 --temperature 0.7 --compare smol-full-1
-- "New problems under the old solver": does the base model find the late ones harder than the early ones?
select json_build_object('id', problem, 'kind', kind, 'level', case when iteration <= 4 then 1 else 2 end, 'program', program,
                         'pairs', pairs, 'message', message)
from read.problems
where experiment = :'name' and not given and (iteration between 1 and 4 or iteration between 9 and 12)
  and (kind <> 'induction' or message <> '')
order by position;
