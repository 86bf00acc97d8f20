import { type Draft, defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly sharedBuffers: number
  readonly cache: number
  readonly hugePages: string | null
}

/** Share of the memory above which shared_buffers takes too much from the system's cache and the sessions. */
const SHARE_MAX = 0.4
/** Buffers from which on huge pages are worth it. */
const HUGE_BYTES = 8 * 1024 ** 3

/** M3 and M4: the two caches, and what the planner believes of them. */
export const cacheSize = defineCheck<Row>({
  id: 'cache-size',
  title: 'The size of the caches',
  area: 'connections',
  level: 'warning',
  order: ORDER.settings,
  needs: { fact: 'memory' },
  scope: 'servers',
  absent: '',
  why: 'shared_buffers is taken from what sessions and the cache of the system have. effective_cache_size tells the planner how much of an index it may hope to find in either: too small a value makes it avoid indexes.',
  when: 'shared_buffers is above 40 % of the memory; effective_cache_size is below shared_buffers or above the memory; or 8 GB of shared_buffers and more are used without huge pages (info, PostgreSQL 17 and newer tell).',
  advice:
    'Begin with a quarter of the memory for shared_buffers, and up to three quarters for effective_cache_size, less when other programs use the machine.',
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object(
      'sharedBuffers', (select s.setting::float8 * 8192 from pg_settings s where s.name = 'shared_buffers'),
      'cache', (select s.setting::float8 * 8192 from pg_settings s where s.name = 'effective_cache_size'),
      'hugePages', current_setting('huge_pages_status', true))) as found`,
  evaluate: ([row], { server: { memoryBytes } }) => {
    if (row === undefined || memoryBytes === undefined) return []
    const { sharedBuffers: shared, cache, hugePages } = row
    const drafts: Draft[] = []
    const remedy = (text: string, restart: boolean) => ({
      text,
      lock: restart ? 'none; it takes a restart' : 'none',
      undo: 'alter system reset',
    })
    if (shared > SHARE_MAX * memoryBytes) {
      drafts.push({
        object: 'setting shared_buffers',
        summary: `shared_buffers is ${bytes(shared)}, ${percent(shared / memoryBytes)} of the ${bytes(memoryBytes)} there are.`,
        remedy: remedy('Set it to a quarter of the memory, and measure before going higher.', true),
      })
    }
    if (cache < shared || cache > memoryBytes) {
      drafts.push({
        object: 'setting effective_cache_size',
        summary: `effective_cache_size is ${bytes(cache)}, ${cache < shared ? `less than shared_buffers (${bytes(shared)})` : `more than the memory (${bytes(memoryBytes)})`}.`,
        remedy: remedy(
          'Set it to shared_buffers plus what the system has for its cache; no memory is reserved by it.',
          false,
        ),
      })
    }
    if (hugePages === 'off' && shared >= HUGE_BYTES) {
      drafts.push({
        object: 'setting huge_pages',
        level: 'info',
        summary: `shared_buffers of ${bytes(shared)} is not on huge pages.`,
        remedy: remedy(
          'Reserve huge pages on the machine (vm.nr_hugepages = what postgres -C shared_memory_size_in_huge_pages tells), and leave huge_pages at try.',
          true,
        ),
      })
    }
    return drafts
  },
})
