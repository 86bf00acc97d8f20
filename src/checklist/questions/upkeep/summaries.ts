import { defineQuestion } from '../../question.js'
import { serviceVerdict } from '../../service-runs.js'

/** Summaries are to be of today. */
export const summaries = defineQuestion({
  id: 'summaries',
  concern: 'upkeep',
  question: 'Are the summaries brought up to date?',
  why: 'Reports and dashboards read tables that are computed now and then; nobody sees that they are old.',
  how: 'The newest runs of the services `summaries` and `rollups` are read.',
  mend: 'pgfleet maintain --once --service summaries rollups',
  ask: (asked) => serviceVerdict(asked, ['summaries', 'rollups']),
})
