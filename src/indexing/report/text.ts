import { bytes, count, percent } from '../../doctor/figures.js'
import { wrap as wrapped } from '../../doctor/report/text.js'
import type { CreateAdvice, DropAdvice, IndexAdvice } from '../advice.js'
import { days, factor } from './figures.js'

/** How wide a report is, and how it stresses. */
export interface TextOptions {
  /** Columns. @default 80 */
  readonly width?: number
  readonly bold?: (text: string) => string
  readonly dim?: (text: string) => string
}

/** Statements that are shown of those that an index helps, and lines of SQL of one for many partitions. */
const HELPED_MAX = 3
const SQL_MAX = 12

/** The advice as text, for a terminal. */
export function formatText(
  advice: IndexAdvice,
  { width = 80, bold = (text) => text, dim = (text) => text }: TextOptions = {},
): string {
  const { workload, observation, create, rejected, drop, invalid, hot, notes } = advice
  const wrap = (text: string, indent = 0) => wrapped(text, width, ' '.repeat(indent))
  const goes = drop.filter(({ keptBecause }) => keptBecause === null)
  const stays = drop.filter(({ keptBecause }) => keptBecause !== null)
  const source = workload.source === 'file' ? 'the file' : 'pg_stat_statements'
  const lines = [
    bold(`Indexes of ${advice.database}, PostgreSQL ${advice.version}`),
    ...wrap(
      `${count(workload.planned)} of ${count(workload.statements)} statements of ${source} were planned; ${advice.imagined ? 'with indexes that hypopg imagined' : 'with an index they are estimated by statistics'}. None was run.`,
    ),
    '',
    bold(
      create.length === 0
        ? 'No index is missing.'
        : `Create ${create.length}: the workload costs ${percent(workload.savedShare)} less`,
    ),
    ...create.flatMap((each, n) => creation(each, n + 1, { wrap, bold, dim, width })),
    ...section(
      bold(`Drop ${goes.length}`),
      goes.flatMap((each) => dropped(each, { wrap, dim })),
    ),
    ...section(
      bold('Invalid'),
      invalid.flatMap(({ index, why, sql }) => [...wrap(`${index}: ${why}`, 2), ...sql.map((each) => `    ${each};`)]),
    ),
    ...section(
      bold('Updates that are not HOT'),
      hot.flatMap(({ index, table, columns, hotShare, updates }) =>
        wrap(
          `${index} has ${columns.join(', ')}, which updates change: ${percent(hotShare)} of ${count(updates)} updates of ${table} were HOT.`,
          2,
        ),
      ),
    ),
    ...section(
      bold('Kept'),
      stays.flatMap(({ index, kind, by, keptBecause }) =>
        wrap(`${index} (${kindOf(kind, by)}) stays: ${keptBecause}.`, 2),
      ),
    ),
    ...section(
      bold('Not advised'),
      rejected.flatMap(({ index, reason }) => wrap(`${index}: ${reason}.`, 2)),
    ),
    ...section(
      bold('Not planned'),
      workload.unplanned.slice(0, HELPED_MAX).flatMap(({ statement, reason }) => wrap(`${statement}: ${reason}`, 2)),
    ),
    ...section(
      bold('Notes'),
      notes.flatMap((each) => wrap(each, 2)),
    ),
    '',
    ...wrap(
      `Watched for ${days(observation.seconds)}; ${days(observation.wanted)} are asked for before an index is dropped. ${observation.replicas} of ${observation.standbys} replicas were asked. Costs are the planner's: see by explain (analyze) that an index is used.`,
    ),
  ]
  return lines.join('\n')
}

const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ['', title, ...lines])

type Style = Required<Pick<TextOptions, 'bold' | 'dim' | 'width'>> & {
  readonly wrap: (text: string, indent?: number) => string[]
}

function creation(each: CreateAdvice, number: number, { wrap, bold, dim, width }: Style): string[] {
  const { index, by, why, bytes: size, helps, savedShare, writes, beside, replaces, sql } = each
  const facts = [
    savedShare === null ? 'by rule: no planner can imagine it' : `saves ${percent(savedShare)} of the workload`,
    size === null ? 'size unknown' : `about ${bytes(size)}`,
    `${count(writes.entries)} entries written`,
    ...(by === 'statistics' ? ['by statistics'] : []),
  ]
  return [
    ...wrap(`${number}. ${index}`, 2).map(bold),
    ...wrap(facts.join(', '), 5),
    ...(why === '' ? [] : wrap(why, 5)),
    ...helps.slice(0, HELPED_MAX).flatMap(({ statement, calls, before, after }) => {
      const times = before === null || after === null ? '' : `${factor(before / after)} cheaper `
      const often = calls === null ? '' : `${count(calls)} calls: `
      return wrap(`${times.padStart(14)}${often}${statement}`, 5).slice(0, 3)
    }),
    ...(helps.length > HELPED_MAX ? [dim(`     and ${helps.length - HELPED_MAX} more statements`)] : []),
    ...(writes.hotLost >= 1
      ? wrap(`Updates change ${writes.changed.join(', ')}: ${count(writes.hotLost)} of them would no longer be HOT.`, 5)
      : []),
    ...(beside.length === 0 ? [] : wrap(`Of use only beside ${beside.join(' and ')}: OR reads both.`, 5)),
    ...(replaces.length === 0
      ? []
      : wrap(`It serves what ${replaces.join(', ')} does: look at that again once it is there.`, 5)),
    ...sql.slice(0, SQL_MAX).flatMap((text) => (text.length + 6 <= width ? [`     ${text};`] : wrap(`${text};`, 5))),
    ...(sql.length > SQL_MAX
      ? [dim(`     … ${sql.length - SQL_MAX} more statements for partitions: --sql writes them all`)]
      : []),
  ]
}

function dropped(
  { index, kind, by, bytes: size, scans, planned, sql, undo }: DropAdvice,
  { wrap }: Pick<Style, 'wrap' | 'dim'>,
): string[] {
  return [
    ...wrap(
      `${index} (${kindOf(kind, by)}): ${bytes(size)}, ${count(scans)} scans; none of ${planned} statements on its table costs a tenth more without it.`,
      2,
    ),
    ...sql.map((text) => `    ${text};`),
    ...wrap(`undo: ${undo};`, 4),
  ]
}

/** Why it might go, in words. */
export const kindOf = (kind: DropAdvice['kind'], by: string | null) =>
  kind === 'duplicate' ? `the same as ${by}` : kind === 'redundant' ? `${by} begins with it` : 'unused'
