import { defineAlert } from '../rule.js'

/** Ready jobs are claimed within seconds. */
export const jobsWaiting = defineAlert({
  id: 'jobs-waiting',
  title: 'Jobs wait for a worker',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_jobs_oldest_seconds', where: { state: 'ready' } },
    is: '>=',
    than: { value: 300 },
  },
  forS: 60,
  summary: 'A job has been ready for {value|duration}, and no worker takes it.',
  meaning: 'Too few workers run, or none of its type; what agents wait for comes late.',
  action:
    'Start workers that claim its type, or see what keeps them busy. The metric pgfleet_jobs_depth has the length of the queue.',
})
