import { counter, gauge, group } from './family.js'

/** Statements by pg_stat_statements: those with the most time, and `other` for the rest. */
export const STATEMENT_METRICS = {
  statistics: group('pg_stat_statements_', ['user', 'datname', 'queryid'], {
    calls_total: counter('Times it was executed.'),
    seconds_total: counter('Time spent executing it.'),
    rows_total: counter('Rows that it returned or changed.'),
    block_read_seconds_total: counter('Time it spent reading pages; 0 unless track_io_timing is on.'),
    block_write_seconds_total: counter('Time it spent writing pages; 0 unless track_io_timing is on.'),
  }),
  texts: group('pg_stat_statements_', ['queryid', 'query'], {
    query_id: gauge('Always 1; the text of the statement without its literals. Only with --query-texts.'),
  }),
  evictions: group('pgfleet_statements_', [], {
    evictions_total: counter('Times that pg_stat_statements gave up the least used entries for want of room.'),
  }),
} as const
