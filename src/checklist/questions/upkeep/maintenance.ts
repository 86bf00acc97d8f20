import { SERVICE_NAMES } from '../../../maintenance/services/index.js'
import { defineQuestion } from '../../question.js'
import { serviceVerdict } from '../../service-runs.js'

/** A database looks after itself only while somebody runs it. */
export const maintenance = defineQuestion({
  id: 'maintenance',
  concern: 'upkeep',
  question: 'Does maintenance run, all of it?',
  why: 'Partitions ahead, expiry, retention, garbage, statistics of partitioned tables: what does not run is noticed when a month begins, or the disk is full.',
  how: 'Of each service the newest run is read from platform.maintenance_runs: it ended well, and not longer ago than `--age-max`.',
  mend: 'pgfleet maintain, as a service; or pgfleet maintain --once from a timer',
  ask: (asked) => serviceVerdict(asked, SERVICE_NAMES),
})
