-- delivery.put_pull_requests(tenant, items): records pull requests, or changes what is given of those that are there; returns
-- them in order, with what changed: {column: [before, after]}, for a new one {column: value}, null for nothing. Idempotent: what
-- leaves a pull request as it is writes neither a row version nor an audit row. items: a jsonb array of {id uuid (for a new one),
-- repository text, number integer, must_exist boolean, expected_version bigint, fields jsonb object (values by column; those of
-- metadata are merged), actor_type, actor_id, correlation_id text}. Several of one pull request are applied one after the other. All
-- of them are applied, or none.
-- Errors: PF001..PF003 (platform.enter), PF081 there is none and must be, PF082 its status cannot go there, PF042 it is not at
-- the expected version, PF005 no title, or metadata over 65536 characters.
create or replace function delivery.put_pull_requests(p_tenant text, p_items jsonb)
returns table (ordinal integer, changes jsonb,
  pull_request_id uuid, repository text, number integer, url text, title text, description text, branch text,
  base_branch text, head_sha text, status text, merge_status text, review_status text, approvals integer,
  ci_status text, security_status text, coverage numeric, quality numeric, lines_added integer, lines_deleted integer,
  files_changed integer, commits integer, author text, assignees jsonb, reviewers jsonb, labels jsonb, metadata jsonb,
  workflow_id uuid, session_id uuid, task text, opened_at timestamptz, merged_at timestamptz, closed_at timestamptz,
  version bigint, updated_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_mergejoin = off
-- What a batch holds is joined with itself; tables are looked into by key, which is lateral and can be nothing else.
set enable_nestloop = off
set enable_bitmapscan = off
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  -- As a limit: of one that it does not know the planner expects a tenth of the rows, and so goes from what it has at hand to the places of the rows
  -- that are changed. Where it takes a table for small it reads all rows of the tenant instead, and the plan stays when the table has grown.
  c_all constant bigint := 9223372036854775807;
  v_now timestamptz;
  v_prefix text;
  v_rounds bigint;
  v_bad record;
  v_created uuid[];
  v_changes jsonb;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  select x.* into v_bad
  from (
    select x.*, coalesce(bool_or(not coalesce(x.must_exist, false)) over (partition by x.repository, x.number
      order by x.ordinality rows between unbounded preceding and 1 preceding), false) as is_made_before
    from rows from (
      jsonb_to_recordset(p_items) as (repository text, number integer, must_exist boolean, fields jsonb)
    ) with ordinality as x
  ) x
  left join lateral (select r.number from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1) e on true
  where e.number is null and (x.must_exist or x.fields ->> 'title' is null) and not x.is_made_before
  order by x.ordinality
  limit 1;
  if found then
    if v_bad.must_exist then
      raise exception 'there is no pull request % of %', v_bad.number, v_bad.repository
        using errcode = 'PF081', column = format('pullRequests[%s].number', v_bad.ordinality - 1);
    end if;
    raise exception 'pullRequests[%].title: pull request % of % is new, and needs one', v_bad.ordinality - 1, v_bad.number, v_bad.repository
      using errcode = 'PF005', column = format('pullRequests[%s].title', v_bad.ordinality - 1);
  end if;
  -- In one order, here and below, so that batches cannot deadlock each other.
  with given as materialized (
    select distinct on (x.repository, x.number) x.*,
      coalesce(x.fields ->> 'status', 'open') as status
    from rows from (
      jsonb_to_recordset(p_items) as (id uuid, repository text, number integer, fields jsonb, actor_type text, actor_id text, correlation_id text)
    ) with ordinality as x
    left join lateral (select r.number from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1) e on true
    where e.number is null
    order by x.repository, x.number, x.ordinality
  ),
  created as (
    insert into delivery.pull_requests (tenant_id, pull_request_id, repository, number,
        url, title, description, branch, base_branch, head_sha, status, merge_status, review_status, approvals,
        ci_status, security_status, coverage, quality, lines_added, lines_deleted, files_changed, commits, author,
        assignees, reviewers, labels, metadata, workflow_id, session_id, task, opened_at, merged_at, closed_at)
    select p_tenant, g.id, g.repository, g.number,
        r.url, r.title, r.description, r.branch, r.base_branch, r.head_sha, r.status, case when g.status = 'merged' then 'merged' else r.merge_status end, r.review_status,
        r.approvals, r.ci_status, r.security_status, r.coverage, r.quality, r.lines_added, r.lines_deleted,
        r.files_changed, r.commits, r.author, r.assignees, r.reviewers, r.labels, r.metadata, r.workflow_id,
        r.session_id, r.task, r.opened_at, case when g.status = 'merged' then coalesce(r.merged_at, statement_timestamp()) end, case when g.status in ('closed', 'merged') then coalesce(r.closed_at, r.merged_at, statement_timestamp()) end
    from given g
    cross join lateral jsonb_populate_record(null::delivery.pull_requests,
      '{"base_branch": "main", "status": "open", "merge_status": "pending", "review_status": "pending", "approvals": 0, "ci_status": "pending",
        "security_status": "pending", "lines_added": 0, "lines_deleted": 0, "files_changed": 0, "commits": 0, "assignees": [], "reviewers": [],
        "labels": [], "metadata": {}}'::jsonb || jsonb_build_object('opened_at', statement_timestamp()) || g.fields) r
    order by g.repository, g.number
    on conflict (tenant_id, repository, number) do nothing
    returning pull_request_id, repository, number
  ),
  audited as (
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'pull_request', c.pull_request_id::text, 'create',
      g.actor_type, g.actor_id, g.correlation_id,
      jsonb_build_object('repository', g.repository, 'number', g.number)
        -- The columns have no secret-like names; what lies in these may.
        || case when g.fields ?| array['metadata', 'assignees', 'reviewers', 'labels']
          then delivery.redact(jsonb_strip_nulls(g.fields)) else jsonb_strip_nulls(g.fields) end
    from created c
    join given g on g.repository = c.repository and g.number = c.number
  )
  select array_agg(c.pull_request_id) into v_created from created c;
  -- In one order with whoever else changes some of them: that of the column, whatever the database sorts by.
  perform from (
    select distinct i.repository collate "C" as repository, i.number from jsonb_to_recordset(p_items) as i(repository text, number integer) order by 1, 2
  ) x
  cross join lateral (
    select from delivery.pull_requests s where s.tenant_id = p_tenant and s.repository = x.repository and s.number = x.number limit 1 for no key update
  ) locked;
  -- The last statement that joins what a batch holds with itself was above; the update below looks into the table by key.
  perform set_config('enable_nestloop', 'on', true);
  v_now := clock_timestamp();
  select max(x.times) into v_rounds
  from (select count(*) as times from jsonb_to_recordset(p_items) as x(repository text, number integer) group by x.repository, x.number) x;
  for v_round in 1 .. coalesce(v_rounds, 0) loop
    select x.*, s.status as present, s.version into v_bad
    from (
      select x.*, x.fields ->> 'status' as status, row_number() over (partition by x.repository, x.number order by x.ordinality) as round
      from rows from (
        jsonb_to_recordset(p_items) as (repository text, number integer, expected_version bigint, fields jsonb)
      ) with ordinality as x
    ) x
    cross join lateral (select * from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1) s
    where x.round = v_round and (
      s.version <> x.expected_version
      or (x.status <> s.status and x.status <> all (delivery.next_pull_request_states(s.status)))
      or length((s.metadata || (x.fields -> 'metadata'))::text) > 65536
    )
    order by x.ordinality
    limit 1;
    if found then
      case
        when v_bad.version <> v_bad.expected_version then
          raise exception 'pull request % of % is at version %, not %', v_bad.number, v_bad.repository, v_bad.version, v_bad.expected_version
            using errcode = 'PF042', column = format('pullRequests[%s].expectedVersion', v_bad.ordinality - 1);
        when v_bad.status <> v_bad.present then
          raise exception 'pull request % of % is %; from there it may go to: %', v_bad.number, v_bad.repository, v_bad.present,
              coalesce(nullif(array_to_string(delivery.next_pull_request_states(v_bad.present), ', '), ''), 'nothing')
            using errcode = 'PF082', column = format('pullRequests[%s].status', v_bad.ordinality - 1);
        else
          raise exception 'pull request % of %: its metadata would have more than 65536 characters', v_bad.number, v_bad.repository
            using errcode = 'PF005', column = format('pullRequests[%s].metadata', v_bad.ordinality - 1);
      end case;
    end if;
    with wanted as materialized (
      select x.*, b.pull_request_id, b.place, f.fields as final, to_jsonb(b) - array['search', 'place'] as before
      from (
        select x.*, row_number() over (partition by x.repository, x.number order by x.ordinality) as round
        from rows from (
          jsonb_to_recordset(p_items) as (repository text, number integer, fields jsonb, actor_type text, actor_id text, correlation_id text)
        ) with ordinality as x
      ) x
      cross join lateral (
        select r.ctid as place, r.* from delivery.pull_requests r
        where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number
        limit 1
      ) b
      -- Reopening takes back when it was closed.
      cross join lateral (
        select x.fields
          || case when x.fields ? 'metadata' then jsonb_build_object('metadata', b.metadata || (x.fields -> 'metadata')) else '{}'::jsonb end
          || case coalesce(x.fields ->> 'status', b.status)
            when 'merged' then jsonb_build_object('merge_status', 'merged', 'merged_at', coalesce((x.fields ->> 'merged_at')::timestamptz, b.merged_at, v_now),
              'closed_at', coalesce((x.fields ->> 'closed_at')::timestamptz, b.closed_at, (x.fields ->> 'merged_at')::timestamptz, v_now))
            when 'closed' then jsonb_build_object('merged_at', null, 'closed_at', coalesce((x.fields ->> 'closed_at')::timestamptz, b.closed_at, v_now))
            else jsonb_build_object('merged_at', null, 'closed_at', null)
          end as fields
      ) f
      where x.round = v_round
    ),
    differing as materialized (
      select w.*, d.changes
      from wanted w
      cross join lateral (
        select jsonb_object_agg(n.key, jsonb_build_array(w.before -> n.key, n.value)) as changes
        from jsonb_each(to_jsonb(jsonb_populate_record(jsonb_populate_record(null::delivery.pull_requests, w.before), w.final))) n
        where w.final ? n.key and n.value is distinct from w.before -> n.key
      ) d
      where d.changes is not null
      limit c_all
    ),
    changed as (
      update delivery.pull_requests s
      set (
        url, title, description, branch, base_branch, head_sha, status, merge_status, review_status, approvals,
        ci_status, security_status, coverage, quality, lines_added, lines_deleted, files_changed, commits, author,
        assignees, reviewers, labels, metadata, workflow_id, session_id, task, opened_at, merged_at, closed_at
      ) = (
        select r.url, r.title, r.description, r.branch, r.base_branch, r.head_sha, r.status, r.merge_status, r.review_status,
        r.approvals, r.ci_status, r.security_status, r.coverage, r.quality, r.lines_added, r.lines_deleted,
        r.files_changed, r.commits, r.author, r.assignees, r.reviewers, r.labels, r.metadata, r.workflow_id,
        r.session_id, r.task, r.opened_at, r.merged_at, r.closed_at
        from jsonb_populate_record(s, x.final) r
      ), version = s.version + 1, updated_at = v_now
      from differing x
      where s.ctid = x.place
    ),
    audited as (
      insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, action, actor_type, actor_id, correlation_id, changes)
      select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'pull_request', (array_agg(x.pull_request_id::text))[1],
        nullif((array_agg(x.pull_request_id::text))[2:], '{}'), 'update', x.actor_type, x.actor_id, x.correlation_id,
        case when x.changes ?| array['metadata', 'assignees', 'reviewers', 'labels'] then delivery.redact(x.changes) else x.changes end
      from differing x
      -- What a row may hold: delivery.audit_prefix.
      group by x.actor_type, x.actor_id, x.correlation_id, x.changes, x.ordinality / 32
    )
    select jsonb_object_agg(x.pull_request_id, x.changes) into v_changes from differing x;
    return query
    select x.ordinality::integer,
      case when v_round = 1 and s.pull_request_id = any (v_created) then jsonb_strip_nulls(x.fields) else v_changes -> s.pull_request_id::text end,
    s.pull_request_id, s.repository, s.number, s.url, s.title, s.description, s.branch, s.base_branch, s.head_sha,
    s.status, s.merge_status, s.review_status, s.approvals, s.ci_status, s.security_status, s.coverage, s.quality,
    s.lines_added, s.lines_deleted, s.files_changed, s.commits, s.author, s.assignees, s.reviewers, s.labels,
    s.metadata, s.workflow_id, s.session_id, s.task, s.opened_at, s.merged_at, s.closed_at, s.version, s.updated_at
    from (
      select x.*, row_number() over (partition by x.repository, x.number order by x.ordinality) as round
      from rows from (jsonb_to_recordset(p_items) as (repository text, number integer, fields jsonb)) with ordinality as x
    ) x
    cross join lateral (select * from delivery.pull_requests r where r.tenant_id = p_tenant and r.repository = x.repository and r.number = x.number limit 1) s
    where x.round = v_round;
  end loop;
end
$$;
comment on function delivery.put_pull_requests(text, jsonb) is 'Records many pull requests, or changes them; idempotent.';
revoke all on function delivery.put_pull_requests(text, jsonb) from public;
grant execute on function delivery.put_pull_requests(text, jsonb) to pgfleet_app;
