import { defineQuestion } from '../../question.js'

/** Policies are to cost next to nothing. */
export const policyCost = defineQuestion({
  id: 'policy-cost',
  concern: 'isolation',
  question: 'Do the policies leave statements their indexes?',
  why: 'A policy that is computed for each row, or that no index serves, makes every statement slower, and tempts to switch it off.',
  mend: 'pgfleet doctor --check rls-per-row rls-index; the overhead itself is measured by pgfleet bench memory-rls',
  checks: ['rls-per-row', 'rls-index'],
})
