// docs/monitoring.md is written from the sources and the metrics themselves: npx vitest run test/monitoring/docs.test.ts -u
import { expect, test } from 'vitest'
import { BATCH_METRICS } from '../../dist/monitoring/metrics/batches.js'
import type { MetricFamily, MetricGroup } from '../../dist/monitoring/metrics/family.js'
import { FLEET_METRICS } from '../../dist/monitoring/metrics/fleet.js'
import { FAMILIES } from '../../dist/monitoring/metrics/index.js'
import { MONITOR_METRICS } from '../../dist/monitoring/metrics/monitor.js'
import { POOLER_METRICS } from '../../dist/monitoring/metrics/pooler.js'
import { SERVER_METRICS } from '../../dist/monitoring/metrics/server.js'
import { SOURCES } from '../../dist/monitoring/sources/index.js'
import { familiesOf, statementFor } from '../../dist/monitoring/sources/source.js'

const INTRODUCTION = `# pgfleet monitor

\`\`\`
npx pgfleet monitor --url postgres://watch@db.example/shop
\`\`\`

Watches any PostgreSQL 15 to 18, with or without pgfleet's schema, and serves what it sees to Prometheus at
\`http://127.0.0.1:9187/metrics\`. It changes nothing. \`pgfleet monitor --once\` prints the metrics once (with \`--json\` the snapshot), which needs no
Prometheus and works for cron and for a first look.

Names are those of postgres_exporter, so dashboards and alerts that are written for it go on; where such a name says something else than it
holds, the name stays and the help says so. What the exporter does not have begins with \`pgfleet_\`.

## The login

\`create role watch login password '…' in role pg_monitor\` is enough, in any database; \`pg_stat_statements\`, where it is installed, needs usage of
the schema that it is in. A source that the login may not read is told as \`pgfleet_monitor_source_up{source} 0\`, with the reason in
\`pgfleet_monitor_source_failure\`, and keeps back no other. In a database of pgfleet \`pgfleet_monitor\` lets it see tenants, archives, the runs of
maintenance, and of the jobs, erasures and ticks of all tenants their times and states, nothing else.

A url names the server itself rather than a pooler: behind a pooler each transaction may reach another server. Nothing is set that outlives a
transaction, so a pooler in transaction mode does no harm.

## What is read, and when

One connection reads the sources of the fast pace at every \`--interval\` (15 s), one after the other, each in a read-only transaction of its own with
a time limit (\`--timeout\`, 2 s) and no wait for a lock beyond 0.2 s. Two have the slow pace, for what they cost grows with the server and not with what
they tell: \`database-sizes\` asks for the size of every file, \`buffer-cache\` looks at every shared buffer. Those, and the age of backups, are read every
\`--slow-interval\` (5 min) by a connection that is opened for it; \`pgfleet_monitor_source_age_seconds\` tells how old their values are. \`--once\` reads
all of them. A scrape is answered from the last snapshot, or by one new collection that all scrapes of that moment share, so however many scrape, the
server is asked as often.

\`pgfleet bench monitor\` measures what that costs on 1,000 tables with 5,000 indexes and 5,000 statements: client and server together, a collection took
45 ms of processor time and one of all sources 70 ms, a third of it for \`database-sizes\`. Every 15 s that is 0.3 % and 0.5 % of one core; measured on two
cores that others used as well.

Series are bounded: of tables, statements, databases, kinds of sessions the \`--top\` (50) with the most are told one by one, and the rest as one with
the name \`other\`. Counters of \`other\` begin with 0 when the monitor begins and are what the rest has grown by since, whoever belongs to it: they
never fall when a table is told on its own from now on. Texts of statements are no labels; \`--query-texts\` adds \`pg_stat_statements_query_id\` of the
statements that are told, with literals taken out; a text is read once, when its statement is told first.

\`--pooler-url\` watches PgBouncer by its console too, \`--backups DIR\` tells the age of the newest backup that \`pgfleet backup\` wrote there, and \`--recall 6h\`
measures the recall of indexes of vectors that often: it compares searches with the exact order, which reads whole tables, so it is off unless asked for,
and the login needs to select from them.

\`--label name=value\` adds a label to every series; one that a metric has for itself is refused.

## When things go wrong

- **The server is away**: \`pg_up\` is 0 and scrapes are answered, with \`pgfleet_monitor_last_up_seconds\`; what was seen before is not told as if it were
  now. Connecting is tried again at growing distances, a minute at most.
- **Restart, promotion, another server, reset statistics**: counters are the server's own, and Prometheus handles those that start anew;
  \`pgfleet_monitor_resets_total{reason}\` tells that and why. A promoted replica is \`role="primary"\` of \`pgfleet_server_info\` from then on, on a new
  \`pgfleet_server_timeline\`.
- **A table is locked**: its size is left out until it is free. A statement that takes too long costs its source one look.
- **No pg_stat_statements**: the source \`statements\` could not look, and says so.
- **The monitor itself hangs**: \`/healthz\` answers 503 when no collection has ended for three intervals and 30 s. A server that is away is no fault of it.

## Who may read

It listens on 127.0.0.1 unless \`--listen host:port\` says otherwise. \`--auth-file FILE\` asks for what the file's one line says, \`bearer TOKEN\` or
\`basic USER:PASSWORD\`; the secret is compared in constant time and never printed. \`/healthz\` tells everybody whether the monitor works, and nothing
else. It speaks HTTP: put what speaks TLS in front of it where metrics leave the machine. Ten scrapes are answered at once, each within 10 s.

Accept: \`application/openmetrics-text\` is answered in OpenMetrics 1.0.0; counters whose name does not end in \`_total\` are of type \`unknown\` there.

## A program's own batches

What a fleet does with calls is known to the process that makes them. It tells them by a handler of its own server:

\`\`\`ts
import { createServer } from 'node:http'
import { batchSamples, createMetricsHandler, openFleet } from 'pgfleet'

const fleet = await openFleet()
createServer(createMetricsHandler({ scrape: async () => batchSamples(fleet.metrics()) })).listen(9188, '127.0.0.1')
\`\`\`

## Grafana

\`deploy/grafana/dashboards\` holds three dashboards (server, tables and vacuum, fleet). The profile \`monitoring\` of
[deploy/compose.yaml](deploying.md) starts the monitor, Prometheus on port 9090 and Grafana on port 3000 with them in place; elsewhere import
the files, and choose the data source and the server at their top.
`

/** A table of families. */
function tableOf(families: readonly MetricFamily[]): string {
  const rows = families.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help.replaceAll('|', '\\|')} |`,
  )
  return `| metric | type | labels | tells |\n|---|---|---|---|\n${rows.join('\n')}`
}

const flat = (groups: Readonly<Record<string, MetricGroup>>) =>
  Object.values(groups).flatMap((group) => Object.values(group))

/** Parts of the page: what no source's statement reads, and then source by source. */
const PARTS: readonly (readonly [string, readonly MetricFamily[]])[] = [
  ['The server', [...flat({ up: SERVER_METRICS.up, info: SERVER_METRICS.info, state: SERVER_METRICS.state })]],
  ['The monitor', flat(MONITOR_METRICS)],
  ['Besides the server: backups, recall', [...flat({ backup: FLEET_METRICS.backup, recall: FLEET_METRICS.recall })]],
  ['PgBouncer', flat(POOLER_METRICS)],
  ['Batches of a program', flat(BATCH_METRICS)],
]

function page(): string {
  const sources = SOURCES.map((source) => {
    const { id, title, pace = 'fast', needs, versions } = source
    const notes = [
      `${pace} pace`,
      ...(versions?.from === undefined ? [] : [`PostgreSQL ${versions.from} and newer`]),
      ...(needs?.extension === undefined ? [] : [`needs the extension ${needs.extension}`]),
      ...(needs?.relation === undefined ? [] : ['of a database of pgfleet']),
      ...(needs?.rights === undefined ? [] : [`rights: ${needs.rights}`]),
    ]
    const settings =
      id === 'settings'
        ? '\nEvery setting that is a number is `pg_settings_NAME`, in seconds or bytes where it has a unit, with `_seconds` or `_bytes` at its end.\n'
        : ''
    return `### ${id}\n\nReads ${title}; ${notes.join('; ')}.\n${settings}\n${tableOf(familiesOf(source))}\n`
  })
  return [
    INTRODUCTION,
    '## Metrics, by source\n\nWritten from `src/monitoring`: `npx vitest run test/monitoring/docs.test.ts -u` writes it anew.\n',
    ...sources,
    ...PARTS.map(([title, families]) => `### ${title}\n\n${tableOf(families)}\n`),
  ].join('\n')
}

test('docs/monitoring.md is written from the sources', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/monitoring.md')
})

test('every family is read by a source, or told of somewhere else', () => {
  const told = new Set(
    [...SOURCES.flatMap(familiesOf), ...PARTS.flatMap(([, families]) => families)].map(({ name }) => name),
  )
  expect(FAMILIES.map(({ name }) => name).filter((name) => !told.has(name))).toEqual([])
})

test('every source’s statement has the columns of its families', () => {
  for (const source of SOURCES) {
    if (source.samples !== undefined) continue
    const columns = source.groups.flatMap((group) => Object.keys(group))
    const texts =
      typeof source.sql === 'string' ? [source.sql] : [15, 16, 17, 18].map((major) => statementFor(source, major))
    expect(columns.filter((column) => !texts.some((text) => text.includes(column)))).toEqual([])
    for (const text of texts) expect(text, source.id).not.toMatch(/\b(insert|update|delete|create|drop|alter)\b/i)
  }
})
