import { defineAlert } from '../rule.js'

/** A lease that runs out is taken over by the next claim. */
export const jobsExpired = defineAlert({
  id: 'jobs-expired',
  title: 'Leases of jobs run out',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_jobs_oldest_seconds', where: { state: 'expired' } },
    is: '>=',
    than: { value: 300 },
  },
  forS: 60,
  summary: 'A job has lost its worker {value|duration} ago, and no other has taken it.',
  meaning: 'Its worker died or lost the connection; the next that claims its type takes it over, and none does.',
  action: 'Start workers, and look into the log of those that died.',
})
