import { defineAlert } from '../rule.js'

/** Nothing else shows it. */
export const vectorRecall = defineAlert({
  id: 'vector-recall',
  title: 'A vector index finds too little',
  level: 'warning',
  condition: { of: { metric: 'pgfleet_vector_recall_ratio' }, is: '<', than: { threshold: 'vectorRecall' } },
  forS: 0,
  summary: 'Index {schemaname}.{indexname} finds {value|percent} of the nearest rows.',
  meaning: 'A search that misses says nothing of it: answers grow worse without an error.',
  action:
    'Raise hnsw.ef_search for these searches by SET LOCAL, and turn on hnsw.iterative_scan where they filter. `pgfleet doctor --deep` measures it.',
  check: 'vector-recall',
})
