import type { Footprint } from '../footprint.js'
import type { Workload } from '../workload.js'
import { DELIVERY } from './delivery.js'
import { LEARNING } from './learning.js'
import { memoryFootprints } from './memory.js'
import { METADATA } from './metadata.js'

/** The tables that a workload fills, by store. */
export function footprintsOf(workload: Workload): readonly Footprint[] {
  const dimensions = Object.entries(workload.vectors).flatMap(([name, count]) => (count > 0 ? [Number(name)] : []))
  return [...LEARNING, ...memoryFootprints(dimensions), ...DELIVERY, ...METADATA]
}
