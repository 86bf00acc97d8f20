import type { SettingsRule } from '../../rule.js'
import { truth } from '../../settings/known-setting.js'

/** The value that is dangerous, and what it does. */
const DANGERS: Readonly<Record<string, readonly [boolean, string]>> = {
  fsync: [false, 'a crash of the machine leaves a database that cannot be repaired'],
  full_page_writes: [false, 'a crash in the middle of writing a page destroys it'],
  autovacuum: [false, 'dead rows stay and statistics grow old, until wraparound forces a vacuum of everything'],
  track_counts: [false, 'autovacuum does not know what to do without the counts'],
  zero_damaged_pages: [true, 'damaged pages are emptied, and their rows are gone'],
  ignore_checksum_failure: [true, 'damaged pages are handed out, and spread'],
  ignore_invalid_pages: [true, 'recovery goes on past damage'],
  ignore_system_indexes: [true, 'every look-up in the catalogue reads all of it'],
}
const PLANNER =
  /^enable_(seqscan|indexscan|indexonlyscan|bitmapscan|hashjoin|mergejoin|nestloop|hashagg|sort|material|memoize|tidscan)$/

export const dangerousSetting: SettingsRule = {
  on: 'postgresql.conf',
  id: 'dangerous-setting',
  level: 'error',
  summary:
    'A setting that loses data (fsync, full_page_writes off …), turns autovacuum off, or a way of planning for the whole server.',
  why: 'What it gains is small, and what it costs comes later and all at once.',
  remedy:
    'Leave the default. For one query set planner settings in its transaction; for writes that may be lost `set local synchronous_commit = off`.',
  *check({ entries }) {
    for (const { name, value, at } of entries) {
      const danger = DANGERS[name]
      if (danger !== undefined && truth(value) === danger[0]) yield { at, message: `${name} = ${value}: ${danger[1]}` }
      if (PLANNER.test(name) && truth(value) === false) {
        yield { at, level: 'warning', message: `${name} = ${value}: no query of the server may plan so any more` }
      }
    }
  },
}
