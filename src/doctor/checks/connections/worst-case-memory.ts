import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, percent } from '../../figures.js'

interface Row {
  readonly sharedBuffers: number
  readonly connections: number
  readonly workMem: number
  readonly hashMultiplier: number
  readonly workers: number
  readonly workerMem: number
  readonly maintenanceMem: number
}

/** M1: could the settings use up the memory of the machine? */
export const worstCaseMemory = defineCheck<Row>({
  id: 'worst-case-memory',
  title: 'Settings that allow more memory than there is',
  area: 'connections',
  level: 'error',
  order: ORDER.settings,
  needs: { fact: 'memory' },
  scope: 'servers',
  absent: '',
  why: 'When memory runs out, the system kills a process of PostgreSQL, and with it every session.',
  when: 'shared_buffers, plus for each allowed connection one hash table of work_mem × hash_mem_multiplier, plus each autovacuum worker and one maintenance command, come to more than the thresholds of the machine’s memory (or of its control group’s). A statement may use work_mem several times, so this is no upper bound.',
  advice:
    'Lower max_connections and put a pooler in front, or lower work_mem and raise it in the transactions that need it.',
  uses: ['memoryShare', 'memoryErrorShare'],
  sql: `
    with settings as (
      select current_setting('autovacuum_work_mem')::text as aw,
        (select s.setting::float8 * 8192 from pg_settings s where s.name = 'shared_buffers') as shared,
        (select s.setting::float8 * 1024 from pg_settings s where s.name = 'work_mem') as work,
        (select s.setting::float8 * 1024 from pg_settings s where s.name = 'maintenance_work_mem') as maintenance,
        (select s.setting::float8 * 1024 from pg_settings s where s.name = 'autovacuum_work_mem') as autovacuum
    )
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('sharedBuffers', s.shared,
      'connections', current_setting('max_connections')::int, 'workMem', s.work,
      'hashMultiplier', current_setting('hash_mem_multiplier')::float8,
      'workers', current_setting('autovacuum_max_workers')::int,
      'workerMem', case when s.autovacuum < 0 then s.maintenance else s.autovacuum end,
      'maintenanceMem', s.maintenance)) as found
    from settings s`,
  evaluate: ([row], { server: { memoryBytes }, thresholds: { memoryShare, memoryErrorShare } }) => {
    if (row === undefined || memoryBytes === undefined) return []
    const backends = row.connections * row.workMem * row.hashMultiplier
    const workers = row.workers * row.workerMem
    const share = (row.sharedBuffers + backends + workers + row.maintenanceMem) / memoryBytes
    if (share < memoryShare) return []
    return [
      {
        object: 'memory',
        level: share >= memoryErrorShare ? ('error' as const) : ('warning' as const),
        summary: `The settings allow ${percent(share)} of the ${bytes(memoryBytes)} there are.`,
        evidence: [
          `shared_buffers ${bytes(row.sharedBuffers)}`,
          `${count(row.connections)} connections × work_mem ${bytes(row.workMem)} × hash_mem_multiplier ${row.hashMultiplier} = ${bytes(backends)}`,
          `${row.workers} autovacuum workers × ${bytes(row.workerMem)} = ${bytes(workers)}; maintenance_work_mem ${bytes(row.maintenanceMem)}`,
        ],
        remedy: {
          text: 'Lower max_connections to what the server can run at once and put a pooler in front of it; or lower work_mem, and raise it by SET LOCAL where a statement needs more.',
          lock: 'none; max_connections takes a restart',
          undo: 'set the old values',
        },
      },
    ]
  },
})
