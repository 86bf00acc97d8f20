import { duration } from '../doctor/figures.js'
import type { ServiceName } from '../maintenance/services/index.js'
import type { Asked, Verdict } from './question.js'

interface Run {
  readonly service: string
  readonly outcome: string
  /** Seconds since it ended. */
  readonly age: number
  readonly error: string | null
  /** Why it had nothing that it could do; null unless it was skipped. */
  readonly skipped: string | null
}

const RUNS = `
  select distinct on (r.service) r.service, r.outcome, r.done ->> 'skipped' as skipped, extract(epoch from clock_timestamp() - r.ended_at)::float8 as age, r.error_message as error
  from platform.maintenance_runs r
  where r.ended_at is not null and not r.is_dry_run
  order by r.service, r.ended_at desc`

/** Whether the newest run of each service ended well, and not too long ago. */
export async function serviceVerdict(asked: Asked, services: readonly ServiceName[]): Promise<Verdict> {
  if (asked.schema === undefined)
    return { answer: 'cannot tell', evidence: ['the login may not see the schema platform'] }
  if (asked.schema.version === 0) return { answer: 'no', evidence: ['the database has no schema of pgfleet'] }
  const runs = new Map((await asked.query<Run>(RUNS)).map((run) => [run.service, run]))
  const problems = services.flatMap((service) => {
    const run = runs.get(service)
    if (run === undefined) return [`${service} has never run`]
    if (run.outcome !== 'ok' && run.outcome !== 'skipped')
      return [`${service}: ${run.outcome}, ${run.error ?? 'without a message'}`]
    return run.age * 1000 > asked.ageMaxMs ? [`${service} ran ${duration(run.age)} ago`] : []
  })
  if (problems.length > 0) return { answer: 'no', evidence: problems }
  const oldest = Math.max(...services.map((service) => runs.get(service)?.age ?? 0))
  const skipped = services.flatMap((service) => {
    const run = runs.get(service)
    return run?.outcome === 'skipped' ? [`${service} was skipped: ${run.skipped ?? 'it had nothing to do'}`] : []
  })
  return {
    answer: 'yes',
    evidence: [`${services.length} services, the oldest run ${duration(oldest)} ago`, ...skipped],
  }
}
