import type { Knob } from '../knob.js'
import { autovacuum } from './autovacuum.js'
import { batchLimits } from './batch-limits.js'
import { efSearch } from './ef-search.js'
import { poolSize } from './pool-size.js'
import { poolerSize } from './pooler-size.js'
import { vectorSearch } from './vector-search.js'
import { workMem } from './work-mem.js'

/** Every setting that may be tried; nothing else is ever changed. */
export const KNOBS: readonly Knob[] = [workMem, efSearch, vectorSearch, autovacuum, batchLimits, poolSize, poolerSize]
