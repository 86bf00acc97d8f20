-- delivery.observe_pull_requests(tenant, facts, prefix): keeps what was told of pull requests and their reviews, when nothing
-- later was told before, and brings review and CI status of the pull requests concerned up to date from the reviews and checks
-- that are there. facts: a jsonb array of kind 'pull_request' {id uuid (for a new one), repository text, number integer, seen
-- text, fields jsonb (values by column), details_seen text, details jsonb (sizes and mergeability, by column)}, of kind 'review'
-- with the columns of delivery.pull_request_reviews, and of others with a repository and a head_sha. prefix: of
-- delivery.audit_prefix(). The caller has locked the repositories and written the checks.
create or replace function delivery.observe_pull_requests(p_tenant text, p_facts jsonb, p_prefix text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- Planned for the table as it is: a plan made while it was empty would outlive that by a whole import.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_mergejoin = off
-- What a batch holds is joined with itself; tables are looked into by key, which is lateral and can be nothing else.
set enable_nestloop = off
set enable_bitmapscan = off
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_created uuid[];
begin
  perform platform.enter(p_tenant);
  insert into delivery.pull_request_reviews as t (tenant_id, repository, number, review_id, reviewer, state, submitted_at, url, seen)
  select distinct on (x.repository, x.number, x.review_id) p_tenant, x.repository, x.number, x.review_id, x.reviewer, x.state, x.submitted_at, x.url, x.seen
  from jsonb_to_recordset(p_facts) as x(repository text, number integer, review_id bigint, reviewer text, state text,
    submitted_at timestamptz, url text, seen text, kind text)
  where x.kind = 'review'
  order by x.repository, x.number, x.review_id, x.seen collate "C" desc
  on conflict (tenant_id, repository, number, review_id) do update
  set reviewer = excluded.reviewer, state = excluded.state, submitted_at = excluded.submitted_at, url = excluded.url, seen = excluded.seen
  where excluded.seen > t.seen;

  -- A new one is made with its name alone; what is known of it follows below.
  with created as (
    insert into delivery.pull_requests (tenant_id, pull_request_id, repository, number, title, opened_at)
    select distinct on (x.repository, x.number) p_tenant, x.id, x.repository, x.number, x.fields ->> 'title', (x.fields ->> 'opened_at')::timestamptz
    from jsonb_to_recordset(p_facts) as x(id uuid, repository text, number integer, seen text, fields jsonb, kind text)
    left join lateral (select r.number from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1) e on true
    where x.kind = 'pull_request' and e.number is null
    order by x.repository, x.number, x.seen collate "C" desc
    on conflict (tenant_id, repository, number) do nothing
    returning pull_request_id
  )
  select coalesce(array_agg(c.pull_request_id), '{}') into v_created from created c;

  -- Those that are told of, and those whose head was checked.
  select array_agg(distinct c.pull_request_id) into v_ids
  from (
    select p.pull_request_id
    from jsonb_to_recordset(p_facts) as x(repository text, number integer, kind text)
    cross join lateral (select * from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1) p
    where x.kind in ('pull_request', 'review')
    union all
    select p.pull_request_id
    from (select distinct f.repository, f.head_sha from jsonb_to_recordset(p_facts) as f(repository text, head_sha text, kind text) where f.kind in ('run', 'check')) x
    cross join lateral (select r.pull_request_id from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.head_sha = x.head_sha offset 0) p
  ) c;
  perform from (
    select p.repository, p.number from delivery.pull_requests p
    where p.tenant_id = p_tenant and p.pull_request_id = any (v_ids)
    order by p.repository, p.number
    for no key update
  ) locked;

  with told as materialized (
    select distinct on (x.repository, x.number) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, number integer, seen text, fields jsonb, kind text)
    where x.kind = 'pull_request'
    order by x.repository, x.number, x.seen collate "C" desc
  ),
  detailed as materialized (
    select distinct on (x.repository, x.number) x.*
    from jsonb_to_recordset(p_facts) as x(repository text, number integer, details_seen text, details jsonb, kind text)
    where x.kind = 'pull_request' and x.details_seen is not null
    order by x.repository, x.number, x.details_seen collate "C" desc
  ),
  who as materialized (
    select distinct on (x.repository) x.repository, x.actor_type, x.actor_id, x.correlation_id
    from rows from (jsonb_to_recordset(p_facts) as (repository text, actor_type text, actor_id text, correlation_id text)) with ordinality as x
    order by x.repository, x.ordinality desc
  ),
  wanted as materialized (
    select p.pull_request_id, p.repository, to_jsonb(p) - 'search' as before, m.fields
        || case when m.status = 'merged' then '{"merge_status": "merged"}'::jsonb else '{}'::jsonb end
        || case when v.approvals is null then '{}'::jsonb else jsonb_build_object('review_status', v.review_status, 'approvals', v.approvals) end
        || case
          when c.status is not null then jsonb_build_object('ci_status', c.status)
          -- What another commit's checks came to says nothing of this one.
          when p.head_sha <> m.head_sha then '{"ci_status": "pending"}'::jsonb
          else '{}'::jsonb
        end as fields
    from delivery.pull_requests p
    left join told t on t.repository = p.repository and t.number = p.number and t.seen > coalesce(p.seen, '')
    left join detailed d on d.repository = p.repository and d.number = p.number and d.details_seen > coalesce(p.details_seen, '')
    cross join lateral (
      select coalesce(t.fields || jsonb_build_object('seen', t.seen), '{}'::jsonb)
          || coalesce(d.details || jsonb_build_object('details_seen', d.details_seen), '{}'::jsonb) as fields,
        coalesce(t.fields ->> 'status', p.status) as status, coalesce(t.fields ->> 'head_sha', p.head_sha) as head_sha
      offset 0
    ) m
    -- Of each reviewer the last word; a comment is none.
    cross join lateral (
      select count(*) filter (where r.state = 'approved') as approvals,
        case
          when bool_or(r.state = 'changes_requested') then 'changes_requested'
          when bool_or(r.state = 'approved') then 'approved'
          else 'dismissed'
        end as review_status
      from (
        select distinct on (r.reviewer) r.state
        from delivery.pull_request_reviews r
        where r.tenant_id = p_tenant and r.repository = p.repository and r.number = p.number
          and r.state in ('approved', 'changes_requested', 'dismissed')
        order by r.reviewer, r.submitted_at desc, r.review_id desc
      ) r
      having count(*) > 0
      union all
      select null, null
      limit 1
    ) v
    cross join lateral (select delivery.ci_status_of(p.repository, m.head_sha) as status offset 0) c
    where p.tenant_id = p_tenant and p.pull_request_id = any (v_ids)
  ),
  differing as materialized (
    select w.*, d.changes
    from wanted w
    cross join lateral (
      select jsonb_object_agg(n.key, jsonb_build_array(w.before -> n.key, n.value)) as changes
      from jsonb_each(to_jsonb(jsonb_populate_record(jsonb_populate_record(null::delivery.pull_requests, w.before), w.fields))) n
      where w.fields ? n.key and n.value is distinct from w.before -> n.key
    ) d
    where d.changes is not null or w.pull_request_id = any (v_created)
  ),
  changed as (
    update delivery.pull_requests s
    set (url, title, description, branch, base_branch, head_sha, status, merge_status, review_status, approvals, ci_status, lines_added,
      lines_deleted, files_changed, commits, author, assignees, reviewers, labels, opened_at, merged_at, closed_at, seen, details_seen
    ) = (
      select r.url, r.title, r.description, r.branch, r.base_branch, r.head_sha, r.status, r.merge_status, r.review_status, r.approvals,
        r.ci_status, r.lines_added, r.lines_deleted, r.files_changed, r.commits, r.author, r.assignees, r.reviewers, r.labels, r.opened_at,
        r.merged_at, r.closed_at, r.seen, r.details_seen
      from jsonb_populate_record(s, x.fields) r
    ), version = s.version + (s.pull_request_id <> all (v_created))::integer, updated_at = clock_timestamp()
    from differing x
    where s.tenant_id = p_tenant and s.pull_request_id = any (v_ids) and s.pull_request_id = x.pull_request_id
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (p_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'pull_request', x.pull_request_id::text,
    case when x.pull_request_id = any (v_created) then 'create' else 'update' end, w.actor_type, w.actor_id, w.correlation_id,
    case when x.pull_request_id = any (v_created)
      then delivery.redact(jsonb_strip_nulls(jsonb_build_object('repository', x.before -> 'repository', 'number', x.before -> 'number') || x.fields - 'seen' - 'details_seen'))
      else delivery.redact(x.changes - 'seen' - 'details_seen')
    end
  from differing x
  left join who w on w.repository = x.repository;
end
$$;
comment on function delivery.observe_pull_requests(text, jsonb, text) is 'Keeps the latest that was told of pull requests, with their review and CI status.';
revoke all on function delivery.observe_pull_requests(text, jsonb, text) from public;
grant execute on function delivery.observe_pull_requests(text, jsonb, text) to pgfleet_app;
