-- Verification jobs that workers on other hosts take (docs/sandbox.md, "Workers on other hosts").
--
-- Nothing here is truth. A row lives from the daemon's question to its reading of the answer; if rows are lost, the
-- daemon asks again, and the verdict reaches the log through log.append like any other. Therefore no waiting for the disk.

create schema if not exists work;

comment on schema work is 'Work under way between the daemon and verifier workers on other hosts. Nothing of it is truth.';

create table work.jobs (
  id           bigint      generated always as identity primary key,
  order_id     uuid        not null,
  created_at   timestamptz not null default clock_timestamp(),
  leased_until timestamptz,
  slot         integer     not null,
  protocol     integer     not null,
  leases       integer     not null default 0,
  worker       text        constraint jobs_worker_limit check (octet_length(worker) between 1 and 200),
  job          text        not null constraint jobs_job_limit check (octet_length(job) <= 16777216),
  reply        text        constraint jobs_reply_limit check (octet_length(reply) <= 67108864),
  constraint jobs_slot_unique unique (order_id, slot)
);

create index jobs_open on work.jobs (id) where reply is null;

comment on table work.jobs is 'One row a verification job on its way.';
comment on column work.jobs.id is 'The order in which jobs are taken.';
comment on column work.jobs.order_id is 'One question of the daemon: all jobs of a step.';
comment on column work.jobs.created_at is 'When the daemon asked.';
comment on column work.jobs.leased_until is 'Until when the worker that took it may answer before it is given to another.';
comment on column work.jobs.slot is 'Place in the question; answers are read in this order.';
comment on column work.jobs.protocol is 'Version of the job''s form; only workers that speak it take the job.';
comment on column work.jobs.leases is 'How many workers took it so far.';
comment on column work.jobs.worker is 'Who took it last.';
comment on column work.jobs.job is 'The program, its inputs and its limits, as JSON. No expected answer is among them.';
comment on column work.jobs.reply is 'The outcome as JSON.';

create function work.submit(p_order uuid, p_protocol integer, p_jobs text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  insert into work.jobs (order_id, slot, protocol, job)
  select p_order, j.ordinality - 1, p_protocol, j.job from unnest(p_jobs) with ordinality as j (job, ordinality)
  on conflict on constraint jobs_slot_unique do nothing;  -- asked again after a lost reply
  perform pg_notify('autodidact_work', '');
end
$$;

comment on function work.submit is 'Offers the jobs of one question; asking twice is asking once.';

create function work.lease(
  p_worker text, p_protocol integer, p_count integer, p_seconds double precision,
  out r_id bigint, out r_lease integer, out r_job text
) returns setof record
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  return query
    with taken as (
      select id from work.jobs
      where reply is null and protocol = p_protocol and (leased_until is null or leased_until < clock_timestamp())
      order by id limit least(greatest(p_count, 1), 1000) for update skip locked
    )
    update work.jobs j
    set leases = j.leases + 1, worker = p_worker,
        leased_until = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 1), 3600))
    from taken where j.id = taken.id
    returning j.id, j.leases, j.job;
end
$$;

comment on function work.lease is 'Takes up to p_count jobs that nobody holds, for p_seconds.';

create function work.extend(p_ids bigint[], p_leases integer[], p_seconds double precision) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count integer;
begin
  perform set_config('synchronous_commit', 'off', true);
  update work.jobs j set leased_until = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 1), 3600))
  from unnest(p_ids, p_leases) as h (id, lease)
  where j.id = h.id and j.leases = h.lease and j.reply is null;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function work.extend is 'Keeps jobs for longer; those that were given to another meanwhile are left alone. Returns how many are still held.';

create function work.answer(p_id bigint, p_lease integer, p_reply text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_order uuid;
begin
  perform set_config('synchronous_commit', 'off', true);
  update work.jobs set reply = p_reply, leased_until = null
  where id = p_id and leases = p_lease and reply is null
  returning order_id into v_order;
  if v_order is null then return false; end if;
  perform pg_notify('autodidact_work_done', v_order::text);
  return true;
end
$$;

comment on function work.answer is 'Answers a job that is still held; false if it was given to another or is no longer wanted.';

create function work.progress(p_order uuid, out r_count bigint, out r_open bigint, out r_leases_max integer)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*), count(*) filter (where reply is null),
         coalesce(max(leases) filter (where reply is null and leased_until < clock_timestamp()), 0)
  from work.jobs where order_id = p_order
$$;

comment on function work.progress is 'How far a question is: its jobs, the open ones, and the most often lost among those whose lease ran out.';

create function work.collect(p_order uuid, out r_slot integer, out r_reply text) returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select slot, reply from work.jobs where order_id = p_order and reply is not null order by slot
$$;

comment on function work.collect is 'The answers to a question, in the order of its jobs, whatever the order of their arrival.';

create function work.forget(p_order uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  -- Leftovers of daemons that ended in the middle go too.
  delete from work.jobs where order_id = p_order or created_at < clock_timestamp() - interval '1 day';
end
$$;

comment on function work.forget is 'Removes a question and everything older than a day.';

revoke all on all functions in schema work from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'autodidact_verifier')
     and (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) then
    begin
      create role autodidact_verifier nologin;
    exception when duplicate_object or unique_violation then
      null;  -- another database's migration created it a moment ago
    end;
  end if;
  -- A worker sees programs and inputs, and nothing else of the database.
  if exists (select from pg_roles where rolname = 'autodidact_verifier') then
    grant usage on schema work to autodidact_verifier;
    grant execute on function work.lease, work.extend, work.answer to autodidact_verifier;
  end if;
  if exists (select from pg_roles where rolname = 'autodidact_writer') then
    grant usage on schema work to autodidact_writer;
    grant execute on function work.submit, work.progress, work.collect, work.forget to autodidact_writer;
  end if;
  if exists (select from pg_roles where rolname = 'autodidact_reader') then
    grant usage on schema work to autodidact_reader;
    grant select on work.jobs to autodidact_reader;
  end if;
end
$$;
