import { defineAlert } from '../rule.js'

/** Where the monitor runs beside a fleet. */
export const batchFailures = defineAlert({
  id: 'batch-failures',
  title: 'Batches fail',
  level: 'warning',
  condition: {
    of: { metric: 'pgfleet_batch_failures_total', increaseS: 900 },
    is: '>',
    than: { value: 0 },
  },
  forS: 0,
  summary: 'Batches of {operation} failed within a quarter of an hour.',
  meaning: 'The calls in them ended with an error; the application was told.',
  action: 'Look at the error codes that the application logged; docs/errors.md has the way out of each.',
})
