import { escapeCell, markdownTable } from '../bench/markdown.js'
import { bytes, count } from '../doctor/figures.js'
import { adviseVectors, type Step, type SweepAdvice } from './advice.js'
import type { SweepPoint } from './choice.js'
import type { SlicePoint, VectorSweep } from './sweep.js'

/** A table of the report, narrow enough for 80 columns; heads that begin with ">" are of numbers. */
export interface ReportTable {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What a sweep says in words and tables, for a terminal and for Markdown. */
export interface SweepReport {
  readonly title: string
  readonly introduction: readonly string[]
  readonly tables: readonly ReportTable[]
  readonly conclusion: readonly string[]
  readonly steps: readonly Step[]
  readonly application: readonly string[]
  readonly notes: readonly string[]
}

/** Puts a sweep into words. */
export function reportSweep(sweep: VectorSweep): SweepReport {
  const { column, sample, exact, k } = sweep
  const advice = adviseVectors(sweep)
  const copied = sample.whole
    ? `All ${count(sample.tableRows)} rows`
    : `A sample of ${count(sample.rows)} of about ${count(sample.tableRows)} rows`
  return {
    title: `${column.table}.${column.column}: ${column.type}(${column.dimensions}), ${column.metric} distance`,
    introduction: [
      `${copied}, ${sample.queries} searches of ${k} rows each, one caller. Comparing all of them one by one: p50 ${exact.p50.toFixed(2)} ms, p95 ${exact.p95.toFixed(2)} ms.`,
      ...(sweep.stopped ? ['The time was over before all was measured: this is what there is.'] : []),
    ],
    tables: [frontTable(sweep), ...sliceTables(sweep), ...inPlaceTables(sweep)],
    conclusion: conclude(sweep, advice),
    steps: advice?.steps ?? [],
    application: advice?.application ?? [],
    notes: sweep.notes,
  }
}

/** The front, and wherever they lie the index that is there and the choice, which may be beaten within the noise. */
function frontTable({ points, choice, k }: VectorSweep): ReportTable {
  const shown = points
    .filter((point) => point.onFront || point.build.existing || point === choice)
    .sort((a, b) => a.p50 - b.p50)
  return {
    title: 'Pareto front: no other setting is both quicker and finds as much (→ to use, * is there, - is beaten)',
    head: ['index m/ef_c', '>ef_s', `>recall@${k}`, '>p50 ms', '>p95 ms', '>size', '>build'],
    rows: shown.map((point) => [
      `${point === choice ? '→ ' : ''}${point.onFront ? '' : '- '}${nameOf(point)}`,
      String(point.efSearch),
      recallOf(point),
      point.p50.toFixed(2),
      point.p95.toFixed(2),
      bytes(point.build.bytes),
      `${point.build.seconds.toFixed(1)} s`,
    ]),
  }
}

const nameOf = ({ build: { type, m, efConstruction, existing } }: Pick<SweepPoint, 'build'>) =>
  `${type} ${m}/${efConstruction}${existing ? ' *' : ''}`

const recallOf = ({ recall, recallWithin }: Pick<SweepPoint, 'recall' | 'recallWithin'>) =>
  `${recall.toFixed(3)}±${recallWithin.toFixed(3)}`

/** Of each slice and kind of scan the quickest search that finds enough, else the one that finds most. */
function sliceTables({ slices, choice, recall }: VectorSweep): ReportTable[] {
  const ours = slices.filter(({ build }) => build === choice?.build)
  if (ours.length === 0) return []
  const groups = new Map<string, SlicePoint[]>()
  for (const point of ours) {
    const key = `${point.slice.name}\n${point.iterativeScan}`
    groups.set(key, [...(groups.get(key) ?? []), point])
  }
  const rows = [...groups.values()].map((points) => {
    const [enough] = points.filter((point) => point.recall >= recall).sort((a, b) => a.p50 - b.p50)
    const best = enough ?? ([...points].sort((a, b) => b.recall - a.recall)[0] as SlicePoint)
    return [
      searched(best.slice),
      best.iterativeScan.replace('_order', ''),
      String(best.efSearch),
      recallOf(best),
      best.p50.toFixed(2),
      `${best.short}/${best.slice.queries}`,
    ]
  })
  return [
    {
      title: `Tenants and filters (rows of the sample), by iterative_scan; short: fewer rows returned than there are`,
      head: ['searched', 'scan', '>ef_s', '>recall', '>p50 ms', '>short'],
      rows,
    },
  ]
}

/** A slice with its rows, as wide as a table of 80 columns leaves. */
function searched({ name, rows }: SlicePoint['slice']): string {
  const size = ` ${count(rows)}`
  const width = 26 - size.length
  const bare = name.replace(/^tenant /, '')
  return `${bare.length > width ? `${bare.slice(0, width - 1)}…` : bare}${size}`
}

function inPlaceTables({ inPlace, k }: VectorSweep): ReportTable[] {
  if (inPlace === null) return []
  return [
    {
      title: `On the table itself: ${inPlace.index}, ${inPlace.queries} searches; comparing exactly takes ${inPlace.exactMs.toFixed(1)} ms`,
      head: ['>ef_search', `>recall@${k}`, '>p50 ms', '>p95 ms'],
      rows: inPlace.points.map((point) => [
        String(point.efSearch),
        recallOf(point),
        point.p50.toFixed(2),
        point.p95.toFixed(2),
      ]),
    },
  ]
}

function conclude(sweep: VectorSweep, advice: SweepAdvice | null): string[] {
  const { choice, recall, points, extrapolation, sample, inPlace } = sweep
  if (choice === null || advice === null) {
    const best = points.reduce((most, point) => (point.recall > most.recall ? point : most))
    return [
      `No setting that was tried reaches a recall of ${recall}: ${nameOf(best)} with ef_search ${best.efSearch} finds ${best.recall.toFixed(3)}. Try more with --ef-search and --builds.`,
    ]
  }
  const lines = [
    advice.keep
      ? `Keep the index: ${nameOf(choice)} reaches a recall of ${recall}, and no other is quicker beyond the noise.`
      : `Use ${nameOf(choice)}: the quickest that reaches a recall of ${recall}, and the smallest of those as quick.`,
  ]
  const low = choice.recall - choice.recallWithin
  if (low < recall) {
    lines.push(
      `With ${sample.queries} searches the recall may as well be ${low.toFixed(3)}: --searches makes it surer.`,
    )
  }
  const isMeasured = choice.build.existing && inPlace?.points.some((point) => point.recall >= recall)
  if (isMeasured) lines.push(`ef_search ${advice.efSearch} was measured on the table itself.`)
  else if (extrapolation === null && sample.whole) lines.push(`ef_search ${advice.efSearch} was measured on all rows.`)
  else if (extrapolation !== null) lines.push(growthOf(extrapolation, sample.rows, advice.efSearch))
  const exactFaster = sweep.exact.p50 <= choice.p50 && sample.whole
  if (exactFaster) lines.push('Comparing all rows one by one is as quick here: no index is needed yet.')
  for (const { slice, search } of advice.slices) {
    lines.push(
      search === null
        ? `${slice}: no search of the index reaches ${recall}; compare its rows one by one, or give it a partial index or partition.`
        : `${slice}: hnsw.iterative_scan = ${search.iterativeScan}, ef_search ${search.efSearch} (on the sample).`,
    )
  }
  return lines
}

function growthOf(extrapolation: NonNullable<VectorSweep['extrapolation']>, sampled: number, advised: number): string {
  const { rows, efSearch, exponent, assumed, capped, measured } = extrapolation
  const pairs = measured.flatMap((one) => (one.efSearch === null ? [] : [`${one.efSearch} among ${count(one.rows)}`]))
  const how = assumed
    ? 'with the cube root of the rows, which is assumed'
    : `with the rows to the power ${exponent.toFixed(2)}, as measured`
  const limit = capped
    ? ' It would take more than the 1,000 that pgvector allows: partition the table, or build with more.'
    : ''
  return `The recall takes ef_search ${pairs.join(', ')} rows, and about ${efSearch} among ${count(rows)}: it grows ${how}. Use ${advised}, which is no less than what was measured. It reaches ${(rows / sampled).toFixed(1)} times as far as the sample: verify with --in-place once it is built.${limit}`
}

/** The report as Markdown. */
export function formatMarkdown(sweep: VectorSweep): string {
  const { title, introduction, tables, conclusion, steps, application, notes } = reportSweep(sweep)
  const bare = (head: readonly string[]) => head.map((cell) => cell.replace(/^>/, ''))
  return [
    `# ${escapeCell(title)}`,
    ...introduction.map(escapeCell),
    ...tables.flatMap((table) => [
      `${escapeCell(table.title.replaceAll('*', '\\*'))}:`,
      markdownTable(
        bare(table.head),
        table.rows.map((row) => row.map((cell) => cell.replaceAll('*', '\\*'))),
      ),
    ]),
    ...conclusion.map((line) => `- ${escapeCell(line)}`),
    ...steps.flatMap(({ run, lock, undo }) => [
      `\`\`\`sql\n${run.join('\n')}\n\`\`\``,
      `Lock: ${escapeCell(lock)}. Undo: \`${undo}\`.`,
    ]),
    ...(application.length === 0 ? [] : ['The application:', `\`\`\`sql\n${application.join('\n')}\n\`\`\``]),
    ...notes.map((note) => `- ${escapeCell(note)}`),
  ].join('\n\n')
}
