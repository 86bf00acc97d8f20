--! data-loss: yes
drop table delivery.deployments, delivery.branches, delivery.checks, delivery.pipeline_jobs, delivery.pipeline_runs,
  delivery.webhook_rejects, delivery.webhook_deliveries;
