import { writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { FleetError } from '../../errors.js'
import { bucketsOf } from '../../monitoring/history/history-buckets.js'
import { drawHistory } from '../../monitoring/history/history-chart.js'
import type { HistoryMark } from '../../monitoring/history/history-marks.js'
import type { HistoryReader } from '../../monitoring/history/history-reader.js'
import {
  chooseSource,
  type History,
  type HistoryOfSeries,
  openHistory,
  readFrom,
} from '../../monitoring/history/read-history.js'
import { parseCondition, type SinceWhen, sinceWhen } from '../../monitoring/history/since-when.js'
import { action, type Context, type Shell } from '../context.js'
import { inWords } from '../durations.js'
import { EXIT, withoutPasswords } from '../failure.js'
import { count, minute } from '../figures.js'
import { wholeNumber } from '../numbers.js'
import { sparkline } from '../sparkline.js'
import { time } from '../times.js'

interface HistoryOptions {
  readonly history?: string
  readonly source?: string
  readonly labels: Readonly<Record<string, string>>
  readonly from?: Date
  readonly to?: Date
  readonly sinceWhen?: string
  readonly totals?: boolean
  readonly buckets: number
  readonly csv?: boolean
  readonly svg?: string
}

/** Most series that are told one by one. */
const TOLD_MAX = 20

/** Most marks that are told. */
const MARKS_MAX = 20

/** `pgfleet monitor history`: what a monitor kept, and since when something is so. */
export function addMonitorHistory(monitor: Command, shell: Shell): void {
  monitor
    .command('history [metric]')
    .description('what a monitor kept: which metrics, a series over time, and since when something is so')
    .option('--history <place>', 'where it is kept: a postgres:// url, or a folder (default: the database of --url)')
    .option('--source <name>', 'which database, where several are watched: its name')
    .option('--labels <name=value...>', 'only series with these labels', label, {})
    .option('--from <time>', 'from then on: 2026-01-31T12:00:00Z, 15m, 2h or 7d (default: a day before --to)', time)
    .option('--to <time>', 'until then (default: now)', time)
    .option('--since-when <condition>', 'since when a value is so: "> 100", "<= 0.5", "= 1"; of counters their rate')
    .option('--totals', 'counters as their totals, not as their rates')
    .option('--buckets <n>', 'rows of the table of each series: as many parts of the time', wholeNumber(0, 1000), 0)
    .option('--csv', 'every snapshot as a line: time, series, value')
    .option('--svg <file>', 'draw it')
    .addHelpText(
      'after',
      `
Without a metric it lists those that are kept. A counter is told as its growth a second, which is never negative: where its
statistics were reset, the server was restarted or promoted, or nothing was collected, nothing is told, and a mark says why.

Examples:
  pgfleet monitor history --history postgres://…
  pgfleet monitor history pg_stat_activity_count --labels state=active --from 7d --buckets 7
  pgfleet monitor history pgfleet_xmin_horizon_age --since-when "> 1000000"
  pgfleet monitor history pg_stat_database_xact_commit --history ./history --svg commits.svg

Exit codes: 0 done (with --since-when: it is so), 1 nothing is kept, or with --since-when it is not so, 2 wrong usage.`,
    )
    .action(action(shell, monitorHistory))
}

async function monitorHistory(context: Context, options: HistoryOptions, metric?: string) {
  const { signal, where } = context
  const place = options.history ?? where.url
  if (place === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'history: name a database with --history or --url, or a folder with --history',
      field: 'history',
    })
  }
  const condition = options.sinceWhen === undefined ? undefined : parseCondition(options.sinceWhen)
  if (metric === undefined && (condition !== undefined || options.csv || options.svg !== undefined)) {
    throw new FleetError('INPUT_INVALID', { message: 'metric: name the metric that is meant', field: 'metric' })
  }
  const reader = await openHistory(place)
  try {
    if (metric === undefined) return await list(context, options, reader)
    const { from, to, labels, source } = options
    const history = await readFrom(reader, { metric, labels, from, to }, { source, signal })
    if (options.csv) return writeLines(context, history, options)
    if (options.svg !== undefined) {
      const lines = history.series.map((series) => ({
        name: named(series),
        times: history.times,
        values: shownValues(series, options),
      }))
      await writeFile(options.svg, drawHistory(titleOf(metric, history, options), history, lines, history.marks, short))
      context.terminal.note(`${options.svg} written`)
    }
    return condition === undefined
      ? tell(context, history, options, metric, place)
      : tellSince(context, history, options, metric, condition)
  } finally {
    await reader.close()
  }
}

async function list({ terminal, signal }: Context, options: HistoryOptions, reader: HistoryReader) {
  const { source, beginsAt } = await chooseSource(reader, options.source, signal)
  const to = options.to ?? new Date()
  const from = options.from ?? new Date(to.getTime() - 86_400_000)
  const metrics = new Map<string, { metric: string; kind: string; series: number }>()
  for (const { metric, kind, labels } of await reader.list(source, { from, to }, signal)) {
    if (!Object.entries(options.labels).every(([name, value]) => labels[name] === value)) continue
    const { series } = metrics.get(metric) ?? { series: 0 }
    metrics.set(metric, { metric, kind, series: series + 1 })
  }
  const sorted = [...metrics.values()].sort((a, b) => (a.metric < b.metric ? -1 : 1))
  terminal.result({ source, beginsAt, from, to, metrics: sorted }, () =>
    [
      sorted.length === 0
        ? `Nothing is kept of ${minute(from)} to ${minute(to)}.`
        : terminal.table(
            ['metric', 'kind', '>series'],
            sorted.map(({ metric, kind, series }) => [metric, kind, count(series)]),
          ),
      `The history of ${source} begins ${minute(beginsAt)}.`,
    ].join('\n'),
  )
  return sorted.length === 0 ? EXIT.failed : EXIT.ok
}

/** A counter's rates, unless its totals are asked for; a gauge's values. */
function shownValues({ values, perSecond }: HistoryOfSeries, { totals = false }: HistoryOptions) {
  return perSecond === undefined || totals ? values : perSecond
}

function titleOf(metric: string, history: History, { totals = false }: HistoryOptions): string {
  return `${metric}${history.series[0]?.kind === 'counter' && !totals ? ' a second' : ''}`
}

/** The labels as PromQL writes them. */
function named({ labels }: Pick<HistoryOfSeries, 'labels'>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return parts.length === 0 ? '(no labels)' : `{${parts.join(',')}}`
}

/** A number in few characters. */
function short(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(2)
  const units = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k'],
  ] as const
  const [unit, letter] = units.find(([unit]) => size >= unit) ?? [1, '']
  return `${Number((value / (letter === 'k' ? 1e3 : unit)).toPrecision(4))}${letter}`
}

function tell({ terminal }: Context, history: History, options: HistoryOptions, metric: string, place: string) {
  const { from, to, times, series, marks } = history
  const parts = Math.min(terminal.width - 2, 100)
  const told = series.slice(0, TOLD_MAX)
  const result = {
    ...history,
    ...(options.buckets === 0
      ? {}
      : {
          series: series.map((one) => ({
            ...one,
            buckets: bucketsOf(times, shownValues(one, options), history, options.buckets),
          })),
        }),
  }
  terminal.result(result, () => {
    const head = `${titleOf(metric, history, options)}: ${minute(from)} to ${minute(to)}, ${count(times.length)} snapshots`
    if (series.length === 0) {
      return [
        head,
        `Nothing of it is kept in ${withoutPasswords(place)}; \`pgfleet monitor history\` lists what is.`,
        ...tellMarks(marks, terminal.width),
      ].join('\n')
    }
    const blocks = told.flatMap((one) => {
      const values = shownValues(one, options)
      const columns = bucketsOf(times, values, history, parts)
      const [all] = bucketsOf(times, values, history, 1)
      const figures = (['min', 'avg', 'max', 'last'] as const).map((name) => {
        const value = all?.[name] ?? null
        return `${name} ${value === null ? '-' : short(value)}`
      })
      return [
        '',
        clipped(named(one), terminal.width),
        sparkline(columns.map(({ avg }) => avg)),
        ...(marks.length === 0 ? [] : [markLine(marks, history, parts)]),
        `${figures.join('  ')}${one.resets.length === 0 ? '' : `  reset ${one.resets.map(minute).slice(0, 3).join(', ')}`}`,
        ...(options.buckets === 0 ? [] : [tableOf(terminal, times, values, history, options.buckets)]),
      ]
    })
    const left = series.length - told.length
    return [
      head,
      ...blocks,
      ...(left > 0 ? ['', `${left} more series; name one with --labels, or take --json or --csv.`] : []),
      ...tellMarks(marks, terminal.width),
    ].join('\n')
  })
  return series.length === 0 ? EXIT.failed : EXIT.ok
}

function tableOf(
  terminal: Context['terminal'],
  times: readonly Date[],
  values: readonly (number | null)[],
  range: { readonly from: Date; readonly to: Date },
  parts: number,
): string {
  const figure = (value: number | null) => (value === null ? '-' : short(value))
  return terminal.table(
    ['from', '>min', '>avg', '>max', '>last', '>snapshots'],
    bucketsOf(times, values, range, parts).map((part) => [
      minute(part.from),
      figure(part.min),
      figure(part.avg),
      figure(part.max),
      figure(part.last),
      count(part.count),
    ]),
  )
}

/** Letters below a line: what happened in each column. */
const LETTERS: Readonly<Record<HistoryMark['kind'], string>> = {
  restart: 'R',
  promotion: 'P',
  demotion: 'D',
  upgrade: 'U',
  down: 'x',
  clock: 'C',
  setting: 'S',
  failure: 'f',
  damage: '!',
  gap: '·',
}

function markLine(marks: readonly HistoryMark[], { from, to }: History, parts: number): string {
  const cells = Array.from({ length: parts }, () => ' ')
  const place = (at: Date) =>
    Math.min(
      parts - 1,
      Math.max(0, Math.floor(((at.getTime() - from.getTime()) / (to.getTime() - from.getTime())) * parts)),
    )
  // What is rarest is written last, over what lasts.
  const order = Object.keys(LETTERS).reverse()
  for (const { kind, at, until } of [...marks].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
    for (let cell = place(at); cell <= place(until ?? at); cell++) cells[cell] = LETTERS[kind]
  }
  return cells.join('').trimEnd()
}

function tellMarks(marks: readonly HistoryMark[], width: number): string[] {
  if (marks.length === 0) return []
  const told = marks.slice(-MARKS_MAX)
  const left = marks.length - told.length
  return [
    '',
    ...(left > 0 ? [`${left} earlier marks are not told; --json tells all.`] : []),
    ...told.map(({ kind, at, until, text }) => {
      const length = until === undefined ? '' : ` for ${inWords(until.getTime() - at.getTime())}`
      return clipped(`${LETTERS[kind]} ${minute(at)} ${kind}${length}: ${text}`, width)
    }),
  ]
}

function clipped(text: string, width: number): string {
  const line = text.replaceAll(/\p{Cc}/gu, ' ')
  return line.length > width ? `${line.slice(0, width - 1)}…` : line
}

function tellSince(
  { terminal }: Context,
  history: History,
  options: HistoryOptions,
  metric: string,
  condition: ReturnType<typeof parseCondition>,
) {
  const { times, marks, series } = history
  const answers = series.map((one): { labels: HistoryOfSeries['labels'] } & SinceWhen => ({
    labels: one.labels,
    ...sinceWhen(condition, times, shownValues(one, options), marks),
  }))
  const holding = answers.filter(({ holds }) => holds)
  const { operator, threshold } = condition
  terminal.result(
    { source: history.source, metric, condition, from: history.from, to: history.to, series: answers },
    () =>
      [
        `${titleOf(metric, history, options)} ${operator} ${threshold}: ${holding.length} of ${answers.length} series, in ${count(times.length)} snapshots since ${minute(times[0] ?? history.from)}`,
        ...[...holding, ...answers.filter(({ holds }) => !holds)]
          .slice(0, TOLD_MAX)
          .flatMap((answer) => ['', clipped(named(answer), terminal.width), ...answerLines(answer, terminal.width)]),
        ...(answers.length > TOLD_MAX ? ['', `${answers.length - TOLD_MAX} more series; name one with --labels.`] : []),
        ...(holding.length > 0 ? [] : tellMarks(marks, terminal.width)),
      ].join('\n'),
  )
  return holding.length > 0 ? EXIT.ok : EXIT.failed
}

function answerLines(answer: SinceWhen, width: number): string[] {
  const { since, now, before, lastHeld, unseen, around } = answer
  if (now === undefined) return ['No value is known.']
  if (since === undefined) {
    const last =
      lastHeld === undefined ? 'never in that time' : `last from ${minute(lastHeld.from)} to ${minute(lastHeld.to)}`
    return [`Not so: ${short(now.value)} at ${minute(now.at)}; ${last}.`]
  }
  const lasted = inWords(now.at.getTime() - since.getTime())
  return [
    before === undefined
      ? `Since ${minute(since)} at least, where the answer begins: look further back with --from.`
      : `Since ${minute(since)}, for ${lasted}; before it was ${short(before.value)} at ${minute(before.at)}.`,
    `Now ${short(now.value)}, at ${minute(now.at)}.`,
    ...(unseen.length > 0 ? ['Not seen in between, so it may have been otherwise:'] : []),
    ...tellMarks(unseen, width).slice(1),
    ...(around.length > 0 ? ['What else happened then:'] : []),
    ...tellMarks(around, width).slice(1),
  ]
}

function writeLines({ terminal }: Context, history: History, options: HistoryOptions) {
  const lines = history.series.flatMap((series) => {
    const name = quoted(named(series))
    return shownValues(series, options).flatMap((value, i) =>
      value === null ? [] : [`${(history.times[i] as Date).toISOString()},${name},${value}`],
    )
  })
  terminal.text(['at,series,value', ...lines].join('\n'))
  return history.series.length === 0 ? EXIT.failed : EXIT.ok
}

/** A field of CSV. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

/** Parses `name=value` and adds it to those before. */
function label(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('A label and its value are expected, as in datname=app.')
  }
  return { ...before, [name]: value }
}
