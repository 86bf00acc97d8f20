import { defineAlert } from '../rule.js'

/** The server may be well behind it. */
export const poolerDown = defineAlert({
  id: 'pooler-down',
  title: 'The pooler does not answer',
  level: 'error',
  condition: { of: { metric: 'pgfleet_pooler_up' }, is: '==', than: { value: 0 } },
  forS: 60,
  summary: 'The console of PgBouncer has not answered for a minute.',
  meaning: 'Applications that go through it cannot reach the database.',
  action: 'See whether PgBouncer runs, and its log.',
})
