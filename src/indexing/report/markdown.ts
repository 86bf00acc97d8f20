import { bytes, count, percent } from '../../doctor/figures.js'
import type { IndexAdvice } from '../advice.js'
import { days, factor } from './figures.js'
import { kindOf } from './text.js'

/** A cell of a table: no bar may end it. */
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const code = (text: string) => `\`${cell(text).replaceAll('`', "'")}\``

/** The advice as Markdown, for a ticket. */
export function formatMarkdown(advice: IndexAdvice): string {
  const { workload, observation, create, rejected, drop, invalid, hot, notes } = advice
  const goes = drop.filter(({ keptBecause }) => keptBecause === null)
  const stays = drop.filter(({ keptBecause }) => keptBecause !== null)
  const lines = [
    `# Indexes of ${advice.database}`,
    '',
    `PostgreSQL ${advice.version}, ${advice.at.toISOString()}. ${count(workload.planned)} of ${count(workload.statements)} statements were planned, none was run; ${advice.imagined ? 'indexes were imagined by hypopg' : 'indexes were estimated by statistics'}.`,
    ...table(
      `Create: the workload costs ${percent(workload.savedShare)} less`,
      ['index', 'by', 'saves', 'size', 'entries written', 'helps'],
      create.map(({ index, by, savedShare, bytes: size, writes, helps }) => [
        code(index),
        by,
        savedShare === null ? '-' : percent(savedShare),
        size === null ? '-' : bytes(size),
        `${count(writes.entries)}${writes.hotLost >= 1 ? `; ${count(writes.hotLost)} updates no longer HOT (${writes.changed.join(', ')})` : ''}`,
        helps
          .slice(0, 3)
          .map(
            ({ statement, before, after }) =>
              `${code(statement)}${before === null || after === null ? '' : ` ${factor(before / after)}`}`,
          )
          .join('<br>'),
      ]),
    ),
    ...create.flatMap(({ sql, why }) => [
      ...(why === '' ? [] : ['', why]),
      '',
      '```sql',
      ...sql.map((each) => `${each};`),
      '```',
    ]),
    ...table(
      'Drop',
      ['index', 'why', 'size', 'scans', 'undo'],
      goes.map(({ index, kind, by, bytes: size, scans, undo }) => [
        code(index),
        kindOf(kind, by),
        bytes(size),
        count(scans),
        code(undo),
      ]),
    ),
    ...table(
      'Invalid',
      ['index', 'why', 'do'],
      invalid.map(({ index, why, sql }) => [code(index), why, code(sql.join('; '))]),
    ),
    ...table(
      'Updates that are not HOT',
      ['index', 'column', 'HOT updates'],
      hot.map(({ index, columns, hotShare }) => [code(index), columns.join(', '), percent(hotShare)]),
    ),
    ...table(
      'Kept',
      ['index', 'because'],
      stays.map(({ index, keptBecause }) => [code(index), keptBecause ?? '']),
    ),
    ...table(
      'Not advised',
      ['index', 'because'],
      rejected.map(({ index, reason }) => [code(index), reason]),
    ),
    ...(notes.length === 0 ? [] : ['', '## Notes', '', ...notes.map((each) => `- ${each}`)]),
    '',
    `Watched for ${days(observation.seconds)}; ${observation.replicas} of ${observation.standbys} replicas were asked.`,
  ]
  return lines.join('\n')
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return ['', `## ${title}`, '', line(head), line(head.map(() => '---')), ...rows.map((row) => line(row))]
}
