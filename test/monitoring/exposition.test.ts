// Metrics as text: what Prometheus reads of it is what was written, whatever names and labels hold.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkLabels, formatFor, formatMetrics } from '../../dist/monitoring/exposition.js'
import { FAMILIES, familyOf } from '../../dist/monitoring/metrics/index.js'
import type { Sample } from '../../dist/monitoring/snapshot.js'
import { seriesOf } from '../../dist/monitoring/snapshot.js'
import { failure } from '../setup/index.js'

/** Reads the text format as its specification describes it, character by character. */
function parse(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const metric = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? ''
    const labels: Record<string, string> = {}
    let at = metric.length
    if (line[at] === '{') {
      at++
      while (line[at] !== '}') {
        const name = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at))?.[0] ?? ''
        at += name.length
        expect(line.slice(at, at + 2)).toBe('="')
        let value = ''
        for (at += 2; line[at] !== '"'; at++) {
          if (at >= line.length) throw new Error(`no end: ${line}`)
          if (line[at] === '\\') value += line[++at] === 'n' ? '\n' : line[at]
          else value += line[at]
        }
        labels[name] = value
        at++
        if (line[at] === ',') at++
      }
      at++
    }
    expect(line[at]).toBe(' ')
    const value = line.slice(at + 1).replace('Inf', 'Infinity')
    samples.push({ metric, labels, value: Number(value) })
  }
  return samples
}

const sample = fc
  .tuple(
    fc.constantFrom(...FAMILIES),
    fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\\', '"', '\n', '\\n', 'a"}', '')), {
      minLength: 8,
      maxLength: 8,
    }),
    fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0),
    ),
  )
  .map(
    ([{ name, labels }, values, value]): Sample => ({
      metric: name,
      labels: Object.fromEntries(labels.map((label, at) => [label, (values[at] ?? '').replaceAll('\r', '')])),
      value: value === 0 ? 0 : value,
    }),
  )

describe('the text format', () => {
  test('reads as what was written; of two samples of a series the first is told', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 20 }),
        fc.constantFrom('prometheus' as const, 'openmetrics' as const),
        (samples, format) => {
          const first = new Map<string, Sample>()
          for (const one of samples) if (!first.has(seriesOf(one))) first.set(seriesOf(one), one)
          const text = formatMetrics(samples, format)
          const read = parse(text)
          const bySeries = (a: Sample, b: Sample) => (seriesOf(a) < seriesOf(b) ? -1 : 1)
          expect(read.toSorted(bySeries)).toEqual([...first.values()].toSorted(bySeries))
          // A family's lines stand together, under one help and one type.
          const heads = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
          expect(new Set(heads).size).toBe(heads.length)
          const order = read.map(({ metric }) => metric).filter((metric, at, all) => metric !== all[at - 1])
          expect(new Set(order).size).toBe(order.length)
        },
      ),
    )
  })

  test('tells help and type, and in OpenMetrics no counter whose name does not say so', () => {
    const samples = [
      { metric: 'pg_up', labels: {}, value: 1 },
      { metric: 'pg_stat_database_xact_commit', labels: { datid: '5', datname: 'a"b\\c\nd' }, value: 12 },
      { metric: 'pgfleet_wal_fpi_total', labels: {}, value: 3 },
    ]
    expect(formatMetrics(samples, 'prometheus', { cluster: 'x' })).toBe(
      [
        '# HELP pg_up 1 when the server answered the last collection, 0 when it did not.',
        '# TYPE pg_up gauge',
        'pg_up{cluster="x"} 1',
        '# HELP pg_stat_database_xact_commit Transactions committed.',
        '# TYPE pg_stat_database_xact_commit counter',
        'pg_stat_database_xact_commit{cluster="x",datid="5",datname="a\\"b\\\\c\\nd"} 12',
        '# HELP pgfleet_wal_fpi_total Full images of pages written to WAL.',
        '# TYPE pgfleet_wal_fpi_total counter',
        'pgfleet_wal_fpi_total{cluster="x"} 3',
        '',
      ].join('\n'),
    )
    const open = formatMetrics(samples, 'openmetrics')
    expect(open).toContain('# TYPE pg_stat_database_xact_commit unknown\n')
    expect(open).toContain('# TYPE pgfleet_wal_fpi counter\npgfleet_wal_fpi_total 3\n')
    expect(open.endsWith('\n# EOF\n')).toBe(true)
  })

  test('is chosen by the Accept header', () => {
    expect(formatFor(undefined)).toBe('prometheus')
    expect(formatFor('*/*')).toBe('prometheus')
    expect(
      formatFor('application/openmetrics-text; version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'),
    ).toBe('openmetrics')
    expect(formatFor('text/plain;q=0.9, application/openmetrics-text;q=0.1')).toBe('prometheus')
    expect(formatFor('application/openmetrics-text;q=0')).toBe('prometheus')
  })
})

describe('a label for every series', () => {
  test('has a name that Prometheus allows, and that no metric has for itself', async () => {
    expect(checkLabels({ cluster: 'a', team: '' })).toEqual({ cluster: 'a', team: '' })
    for (const name of ['datname', 'relname', 'source', 'quantile', 'le', '__name__', '1st', 'a-b', '']) {
      const error = await failure(
        Promise.resolve().then(() => checkLabels({ [name]: 'x' })),
        'OPTIONS_INVALID',
      )
      expect(error.message, name).toContain(`'${name}'`)
    }
  })
})

describe('a family', () => {
  test('has a name of its own, and none of ours is one that PostgreSQL’s exporter has', () => {
    const names = FAMILIES.map(({ name }) => name)
    expect(names.length).toBeGreaterThan(150)
    // OpenMetrics names a counter's family without its end.
    const families = names.map((name) => name.replace(/_total$/, ''))
    expect(families.filter((name, at) => families.indexOf(name) !== at)).toEqual([])
    for (const { name, labels, help } of FAMILIES) {
      expect(name).toMatch(/^(pg|pgfleet)_[a-z0-9_]+$/)
      expect(familyOf(name)?.name).toBe(name)
      // A setting `pgfleet.x` would be pg_settings_pgfleet_x: nothing else begins so.
      expect(name.startsWith('pg_settings_')).toBe(false)
      for (const label of labels) expect(label).toMatch(/^[a-z_]+$/)
      expect(help, name).toMatch(/^[A-Z0-9_a-z].*[.]$/)
    }
    expect(familyOf('pg_nobody')).toBeUndefined()
    expect(familyOf('pg_settings_max_connections')).toMatchObject({ type: 'gauge', labels: [] })
  })

  test('is there for every name of postgres_exporter that PostgreSQL 15 to 18 has', () => {
    const names = new Set(FAMILIES.map(({ name }) => name))
    const tables =
      'seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd n_tup_del n_tup_hot_upd n_live_tup n_dead_tup n_mod_since_analyze last_vacuum last_autovacuum last_analyze last_autoanalyze vacuum_count autovacuum_count analyze_count autoanalyze_count index_size_bytes table_size_bytes'
    const database =
      'numbackends xact_commit xact_rollback blks_read blks_hit tup_returned tup_fetched tup_inserted tup_updated tup_deleted conflicts temp_files temp_bytes deadlocks blk_read_time blk_write_time active_time_seconds_total'
    const wanted = [
      ...'pg_up pg_database_size_bytes pg_database_connection_limit pg_locks_count pg_replication_lag_seconds pg_replication_is_replica pg_stat_activity_count pg_stat_activity_max_tx_duration pg_stat_archiver_archived_count pg_stat_archiver_failed_count pg_stat_archiver_last_archive_age pg_stat_replication_pg_current_wal_lsn_bytes pg_stat_replication_pg_wal_lsn_diff pg_stat_statements_query_id pg_database_wraparound_age_datfrozenxid_seconds pg_database_wraparound_age_datminmxid_seconds pg_long_running_transactions pg_long_running_transactions_oldest_timestamp_seconds pg_wal_segments pg_wal_size_bytes'.split(
        ' ',
      ),
      ...tables.split(' ').map((name) => `pg_stat_user_tables_${name}`),
      ...database.split(' ').map((name) => `pg_stat_database_${name}`),
      ...'calls seconds rows block_read_seconds block_write_seconds'
        .split(' ')
        .map((name) => `pg_stat_statements_${name}_total`),
      ...'slot_current_wal_lsn slot_confirmed_flush_lsn slot_is_active safe_wal_size_bytes wal_status'
        .split(' ')
        .map((name) => `pg_replication_slot_${name}`),
      ...'num_timed num_requested restartpoints_timed restartpoints_req restartpoints_done write_time sync_time buffers_written'
        .split(' ')
        .map((name) => `pg_stat_checkpointer_${name}_total`),
      ...'buffers_clean maxwritten_clean buffers_alloc buffers_backend checkpoints_timed checkpoints_req'
        .split(' ')
        .map((name) => `pg_stat_bgwriter_${name}_total`),
      ...'heap_blks heap_blks_scanned heap_blks_vacuumed index_vacuums phase'
        .split(' ')
        .map((name) => `pg_stat_progress_vacuum_${name}`),
      ...'buffers_used buffers_unused buffers_dirty buffers_pinned usagecount_avg'
        .split(' ')
        .map((name) => `pg_buffercache_summary_${name}`),
    ]
    expect(wanted.filter((name) => !names.has(name))).toEqual([])
  })
})
