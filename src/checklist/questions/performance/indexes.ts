import { defineQuestion } from '../../question.js'

/** Indexes are to be whole, and no more than are needed. */
export const indexes = defineQuestion({
  id: 'indexes',
  concern: 'performance',
  question: 'Are the indexes whole, and is none there twice?',
  why: 'An invalid index is written and never read; a double one costs every write. An index that holds a column which changes costs HOT updates.',
  mend: 'pgfleet doctor --check invalid-index duplicate-index hot-update-index; --deep asks what the workload lacks',
  checks: [
    'invalid-index',
    'duplicate-index',
    'redundant-index',
    'foreign-key-index',
    'hot-update-index',
    'index-bloat',
  ],
})
