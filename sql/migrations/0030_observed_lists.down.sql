--! data-loss: no
-- pgfleet-lint ignore drop-index-without-concurrently: a migration is one transaction
drop index delivery.pipeline_jobs_run;
-- pgfleet-lint ignore drop-index-without-concurrently: a migration is one transaction
drop index delivery.deployments_newest;
-- pgfleet-lint ignore drop-index-without-concurrently: a migration is one transaction
drop index delivery.pipeline_runs_newest;
-- pgfleet-lint ignore drop-index-without-concurrently: a migration is one transaction
drop index delivery.checks_newest;
