import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly id: number
  readonly name: string | null
  readonly command: string
  readonly schedule: string
  readonly failed: number
  readonly last: string | null
  readonly message: string | null
  readonly full: boolean
}

/** 2.11: jobs of pg_cron that fail, or that lock everybody out. */
export const cronJob = defineCheck<Row>({
  id: 'cron-job',
  title: 'Scheduled jobs at fault',
  area: 'operations',
  level: 'warning',
  order: ORDER.advice,
  needs: { extension: 'pg_cron', rights: 'usage of schema cron; a job is seen by its owner and by superusers alone' },
  scope: 'active jobs',
  absent: 'there are no active jobs',
  why: 'A job that fails every night tells nobody. VACUUM FULL from a schedule locks everybody out of the table while it is copied.',
  when: 'The last run of a job failed, or its command contains VACUUM FULL.',
  advice:
    'Read cron.job_run_details. In place of VACUUM FULL let autovacuum come sooner, and use pg_repack or pg_squeeze when space has to be given back.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('id', j.jobid, 'name', j.jobname, 'command', left(j.command, 2000), 'schedule', j.schedule,
        'failed', (select count(*) from cron.job_run_details d where d.jobid = j.jobid and d.status = 'failed' and d.start_time > now() - interval '7 days'),
        'last', r.status, 'message', left(r.return_message, 300), 'full', j.command ~* 'vacuum\\s*(\\([^)]*)?\\yfull\\y') order by j.jobid)
        filter (where r.status = 'failed' or j.command ~* 'vacuum\\s*(\\([^)]*)?\\yfull\\y') as found
    from cron.job j
    left join lateral (select d.status, d.return_message from cron.job_run_details d where d.jobid = j.jobid and d.status in ('failed', 'succeeded')
      order by d.start_time desc limit 1) r on true
    where j.active`,
  evaluate: (rows) =>
    rows.map(({ id, name, command, schedule, failed, last, message, full }) => ({
      object: `job ${name ?? id}`,
      summary: full
        ? `Job ${name ?? id} (${schedule}) runs VACUUM FULL: nobody can read the table meanwhile.`
        : `Job ${name ?? id} (${schedule}) failed at its last run, ${count(failed)} times in a week.`,
      evidence: [redact(command), ...(last === 'failed' && message !== null ? [redact(message)] : [])],
      remedy: {
        text: full
          ? 'Unschedule it; let autovacuum come sooner for that table.'
          : 'Correct its command, and run it once by hand.',
        ...(full ? { sql: [`select cron.unschedule(${id})`] } : {}),
        lock: 'none',
        undo: 'schedule it again',
      },
    })),
})
