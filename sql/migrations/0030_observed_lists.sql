--! breaking: no   lock: share on delivery.checks, delivery.pipeline_runs, delivery.pipeline_jobs and delivery.deployments while their indexes are built   rewrite: none   time: a scan of each
-- What webhooks told is listed newest first across repositories, by GitHub's ids, which grow with time: none of these columns ever
-- changes, so updates of the rows stay HOT. A start or a status would not.

-- pgfleet-lint ignore index-without-concurrently: a migration is one transaction; the scans are told of above
create index checks_newest on delivery.checks (tenant_id, check_kind, check_id, repository);
-- pgfleet-lint ignore index-without-concurrently: as above
create index pipeline_runs_newest on delivery.pipeline_runs (tenant_id, run_id, repository);
-- pgfleet-lint ignore index-without-concurrently: as above
create index deployments_newest on delivery.deployments (tenant_id, deployment_id, repository);
-- Imported jobs have no run, and need no place here.
-- pgfleet-lint ignore index-without-concurrently: as above
create index pipeline_jobs_run on delivery.pipeline_jobs (run_id, tenant_id) where run_id is not null;
