import type { SettingGroup } from '../advised-setting.js'
import { autovacuum } from './autovacuum.js'
import { connections } from './connections.js'
import { io } from './io.js'
import { logging } from './logging.js'
import { memory } from './memory.js'
import { parallelism } from './parallelism.js'
import { planner } from './planner.js'
import { wal } from './wal.js'

/** All groups, in the order in which they are printed and measured. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  memory,
  connections,
  wal,
  planner,
  parallelism,
  io,
  autovacuum,
  logging,
]
