--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Pull requests, their reviews, and their search by text, labels and metadata.

create table delivery.pull_requests (
  tenant_id text collate "C" not null,
  pull_request_id uuid not null,
  repository text collate "C" not null,
  number integer not null,
  url text,
  title text not null,
  description text,
  branch text collate "C",
  base_branch text collate "C" not null default 'main',
  head_sha text collate "C",
  status text collate "C" not null default 'open',
  merge_status text collate "C" not null default 'pending',
  review_status text collate "C" not null default 'pending',
  approvals integer not null default 0,
  ci_status text collate "C" not null default 'pending',
  security_status text collate "C" not null default 'pending',
  coverage numeric(5, 2),
  quality numeric(5, 2),
  lines_added integer not null default 0,
  lines_deleted integer not null default 0,
  files_changed integer not null default 0,
  commits integer not null default 0,
  author text collate "C",
  assignees jsonb not null default '[]'::jsonb,
  reviewers jsonb not null default '[]'::jsonb,
  labels jsonb not null default '[]'::jsonb,
  metadata jsonb not null default '{}'::jsonb,
  workflow_id uuid,
  session_id uuid,
  task text,
  opened_at timestamptz not null default now(),
  merged_at timestamptz,
  closed_at timestamptz,
  version bigint not null default 1,
  updated_at timestamptz not null default now(),
  seen text collate "C",
  details_seen text collate "C",
  search tsvector generated always as (
    setweight(to_tsvector('pg_catalog.english'::regconfig, coalesce(title, '')), 'A')
    || setweight(to_tsvector('pg_catalog.english'::regconfig, coalesce(description, '')), 'B')
    || setweight(to_tsvector('pg_catalog.simple'::regconfig, coalesce(author, '')), 'C')
  ) stored,
  constraint pull_requests_pkey primary key (tenant_id, pull_request_id),
  constraint pull_requests_number unique (tenant_id, repository, number),
  constraint pull_requests_number_positive check (number > 0),
  constraint pull_requests_status check (status in ('draft', 'open', 'closed', 'merged')),
  constraint pull_requests_merge_status check (merge_status in ('pending', 'mergeable', 'conflicted', 'blocked', 'merged')),
  constraint pull_requests_review_status check (review_status in ('pending', 'approved', 'changes_requested', 'dismissed')),
  constraint pull_requests_ci_status check (ci_status in ('pending', 'running', 'success', 'failure', 'cancelled', 'skipped')),
  constraint pull_requests_security_status check (security_status in ('pending', 'running', 'passed', 'failed', 'skipped')),
  constraint pull_requests_scores check (coverage between 0 and 100 and quality between 0 and 100),
  constraint pull_requests_counts check (approvals >= 0 and lines_added >= 0 and lines_deleted >= 0 and files_changed >= 0 and commits >= 0),
  constraint pull_requests_merged check ((merged_at is not null) = (status = 'merged')),
  constraint pull_requests_closed check ((closed_at is not null) = (status in ('closed', 'merged')))
) with (fillfactor = 80);
comment on table delivery.pull_requests is 'One row a pull request. Its status changes as delivery.next_pull_request_states says; what a webhook observes is taken as it is.';
comment on column delivery.pull_requests.approvals is 'Reviewers whose latest review approves.';
comment on column delivery.pull_requests.coverage is 'Per cent of the code that tests run, 0 to 100; quality is a score of that range.';
comment on column delivery.pull_requests.labels is 'An array of names; assignees and reviewers are arrays of logins.';
comment on column delivery.pull_requests.opened_at is 'When it was opened, as the caller or the webhook says.';
comment on column delivery.pull_requests.seen is 'Orders what webhooks tell of it: merged last, else by its updated_at; what comes before this is late and changes nothing.';
comment on column delivery.pull_requests.details_seen is 'The same for sizes and mergeability, which not every webhook tells.';
comment on column delivery.pull_requests.search is 'The words of title, description and author.';
-- What a list asks for equals comes before the tenant: an index that began like the key could be taken for it, while nobody
-- has counted the rows, and would be read from end to end.
create index pull_requests_status_idx on delivery.pull_requests (status, tenant_id, pull_request_id);
create index pull_requests_author_idx on delivery.pull_requests (author, tenant_id, pull_request_id);
create index pull_requests_head_idx on delivery.pull_requests (head_sha, tenant_id);
create index pull_requests_search_idx on delivery.pull_requests using gin (tenant_id, search);
create index pull_requests_labels_idx on delivery.pull_requests using gin (tenant_id, labels jsonb_path_ops);
create index pull_requests_metadata_idx on delivery.pull_requests using gin (tenant_id, metadata jsonb_path_ops);

create table delivery.pull_request_reviews (
  tenant_id text collate "C" not null,
  repository text collate "C" not null,
  number integer not null,
  review_id bigint not null,
  reviewer text collate "C" not null,
  state text collate "C" not null,
  submitted_at timestamptz not null,
  url text,
  seen text collate "C" not null,
  constraint pull_request_reviews_pkey primary key (tenant_id, repository, number, review_id),
  constraint pull_request_reviews_state check (state in ('approved', 'changes_requested', 'commented', 'dismissed', 'pending'))
);
comment on table delivery.pull_request_reviews is 'Reviews as webhooks tell of them; a pull request''s review status follows from the latest of each reviewer.';
comment on column delivery.pull_request_reviews.seen is 'Orders what webhooks tell of it; a dismissal is last.';

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'delivery'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;

-- The search runs as this role: under the tenant's policy alone, conditions that are not leakproof may not use an index.
-- delivery.find_pull_requests carries the tenant predicate itself.
grant usage on schema delivery to pgfleet_search;
create policy search_reads on delivery.pull_requests for select to pgfleet_search using (true);
grant select on delivery.pull_requests to pgfleet_search;
