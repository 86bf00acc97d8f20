import { defineQuestion } from '../../question.js'

/** Everybody is to have no rights by accident. */
export const publicRights = defineQuestion({
  id: 'public-rights',
  concern: 'isolation',
  question: 'Has everybody only the rights that were meant?',
  why: 'Who may create in a schema can slip functions under those of others; what runs with its owner’s rights has to name its search path.',
  mend: 'pgfleet doctor --check public-create public-write definer-search-path',
  checks: ['public-create', 'public-write', 'definer-search-path'],
})
