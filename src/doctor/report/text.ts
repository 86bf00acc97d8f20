import type { Level } from '../check.js'
import { bytes, count, counted } from '../figures.js'
import type { Finding } from '../finding.js'
import { atLeast, byCheck, type Report, tally } from './report.js'

/** How text is coloured; all of them may leave it as it is. */
export interface Palette {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  yellow(text: string): string
  cyan(text: string): string
  green(text: string): string
}

/** What a text shows. */
export interface TextOptions {
  readonly palette: Palette
  /** Columns of the terminal. @default 80 */
  readonly width?: number
  /** Most findings of one check that are shown. @default 5 */
  readonly perCheckMax?: number
  /** Why a check matters, by its id. */
  readonly why: (check: string) => string
  /** The least level that is shown in full. @default 'info' */
  readonly level?: Level
}

const HEADINGS: Readonly<Record<Level, string>> = {
  error: 'ERRORS: data or service is at risk',
  warning: 'WARNINGS: this will cost you',
  info: 'WORTH KNOWING',
}

/** The report for people, in as many columns as they have. */
export function formatText(report: Report, options: TextOptions): string {
  const { palette, width = 80, level = 'info' } = options
  const shown = report.findings.filter((finding) => atLeast(finding.level, level))
  const groups = byCheck(shown)
  const parts = [head(report, options)]
  for (const each of ['error', 'warning', 'info'] as const) {
    // A check may find things of several levels; it is told once, with the gravest.
    const mine = groups.filter((group) => group[0]?.level === each)
    if (mine.length === 0) continue
    const colour = { error: palette.red, warning: palette.yellow, info: palette.cyan }[each]
    parts.push(colour(palette.bold(HEADINGS[each])))
    for (const group of mine) parts.push(formatGroup(group, groups.indexOf(group) + 1, colour, options))
  }
  if (groups.length > 1) parts.push(formatOrder(groups, options))
  parts.push(...formatRest(report, options))
  parts.push(verdict(report, palette, width))
  return parts.join('\n\n')
}

function head({ database, server, milliseconds }: Report, { palette, width = 80 }: TextOptions): string {
  const rights = server.superuser ? 'a superuser' : server.monitor ? 'with pg_monitor' : 'without pg_monitor'
  return [
    `${palette.bold('pgfleet doctor')}  ${database}`,
    ...wrap(
      `PostgreSQL ${server.version}${server.inRecovery ? ', a standby' : ''}, ${counted(server.tables, 'table')}, ${count(server.indexes)} ${server.indexes === 1 ? 'index' : 'indexes'}, ${bytes(server.bytes)}; examined as ${server.user} (${rights}) in ${(milliseconds / 1000).toFixed(1)} s`,
      width,
      '',
    ).map(palette.dim),
  ].join('\n')
}

function formatGroup(
  group: readonly Finding[],
  number: number,
  colour: (text: string) => string,
  { palette, width = 80, perCheckMax = 5, why }: TextOptions,
): string {
  const [first] = group
  if (first === undefined) return ''
  const label = `${String(number).padStart(2)}  `
  const gap = Math.max(2, width - label.length - first.title.length - first.check.length)
  const fits = label.length + first.title.length + first.check.length + 2 <= width
  const lines = [
    fits
      ? `${label}${colour(palette.bold(first.title))}${' '.repeat(gap)}${palette.dim(first.check)}`
      : `${label}${colour(palette.bold(first.title))}\n    ${palette.dim(first.check)}`,
    ...wrap(why(first.check), width, '    ').map(palette.dim),
  ]
  const shown = group.slice(0, perCheckMax)
  const sameText = shown.every((finding) => finding.remedy.text === first.remedy.text)
  const statements = ({ remedy }: Finding) =>
    (remedy.sql ?? []).flatMap((statement) => wrap(`${statement};`, width, '        ', '          ').map(palette.green))
  for (const finding of shown) {
    lines.push(...wrap(finding.summary, width, '    - ', '      '))
    for (const line of finding.evidence) lines.push(...wrap(line, width, '        ', '          ').map(palette.dim))
    const { text, lock, undo } = finding.remedy
    if (!sameText) lines.push(...wrap(text, width, '      fix:  ', '            '))
    // Of one finding the statements follow what they do, which is told below.
    if (shown.length > 1) lines.push(...statements(finding))
    if (perCheckMax === Number.POSITIVE_INFINITY && shown.length > 1)
      lines.push(palette.dim(`        ${finding.fingerprint}`))
    if (!sameText) lines.push(...wrap(`lock: ${lock}; undo: ${undo}`, width, '      ', '            ').map(palette.dim))
    else if (shown.some(({ remedy }) => remedy.undo !== undo))
      lines.push(...wrap(undo, width, '        undo: ', '          ').map(palette.dim))
  }
  if (group.length > shown.length) {
    const left = group.length - shown.length
    lines.push(...wrap(`and ${count(left)} more: --check ${first.check} --all`, width, '    - '))
  }
  if (sameText) {
    const { text, lock, undo } = first.remedy
    lines.push(...wrap(text, width, '    fix:  ', '          '))
    if (shown.length === 1) lines.push(...statements(first))
    lines.push(...wrap(lock, width, '    lock: ', '          ').map(palette.dim))
    if (shown.every(({ remedy }) => remedy.undo === undo))
      lines.push(...wrap(undo, width, '    undo: ', '          ').map(palette.dim))
  }
  lines.push(palette.dim(`    ${shown.length === 1 ? first.fingerprint : `${first.fingerprint}, …`}`))
  return lines.join('\n')
}

function formatOrder(groups: readonly (readonly Finding[])[], { palette, width = 80 }: TextOptions): string {
  const sorted = groups.toSorted((a, b) => (a[0]?.order ?? 0) - (b[0]?.order ?? 0))
  const steps = sorted.map((group) => `${groups.indexOf(group) + 1} ${group[0]?.check}`)
  return [palette.bold('ORDER OF THE FIXES'), ...wrap(steps.join(', then '), width, '    ')].join('\n')
}

function formatRest(report: Report, { palette, width = 80 }: TextOptions): string[] {
  const parts: string[] = []
  const blind = report.results.filter(({ outcome }) => outcome === 'could-not-look')
  const partly = report.results.filter(
    ({ outcome, examined, total }) => outcome !== 'could-not-look' && examined < total,
  )
  if (blind.length + partly.length > 0) {
    // Checks that miss the same right are told together.
    const byReason = new Map<string, string[]>()
    for (const { check, reason = '' } of blind) byReason.set(reason, [...(byReason.get(reason) ?? []), check])
    parts.push(
      [
        palette.bold('COULD NOT LOOK'),
        ...[...byReason].flatMap(([reason, checks]) =>
          wrap(`${checks.join(', ')}: ${reason}`, width, '    - ', '      '),
        ),
        ...partly.flatMap(({ check, examined, total, scope, reason = '' }) =>
          wrap(
            `${check}: examined ${count(examined)} of ${count(total)} ${scope}; ${reason}`,
            width,
            '    - ',
            '      ',
          ),
        ),
      ].join('\n'),
    )
  }
  const notes = [
    ...(report.known.length > 0 ? [`${counted(report.known.length, 'finding')} of the baseline not shown`] : []),
    ...report.ignored.map(({ fingerprint, reason }) => `ignored: ${fingerprint} (${reason})`),
    ...report.unusedIgnores.map(({ fingerprint }) => `ignored, and not found any more: ${fingerprint}`),
  ]
  if (notes.length > 0)
    parts.push(
      notes
        .flatMap((note) => wrap(note, width, ''))
        .map(palette.dim)
        .join('\n'),
    )
  return parts
}

function verdict(report: Report, palette: Palette, width: number): string {
  const sums = tally(report)
  const found = [
    ...(sums.error > 0 ? [palette.red(counted(sums.error, 'error'))] : []),
    ...(sums.warning > 0 ? [palette.yellow(counted(sums.warning, 'warning'))] : []),
    ...(sums.info > 0 ? [palette.cyan(`${count(sums.info)} worth knowing`)] : []),
  ]
  const checks = `${counted(sums.checks, 'check')}: ${sums.ok} found nothing, ${sums.finding} found something, ${sums.notApplicable} do not apply, ${sums.couldNotLook} could not look.`
  return [
    found.length === 0 ? palette.green('Nothing found.') : `${found.join(', ')}.`,
    ...wrap(checks, width, '').map(palette.dim),
  ].join('\n')
}

/** Breaks a text into lines of at most so many columns; a word that is longer stays whole. */
export function wrap(text: string, width: number, first: string, next = first.replaceAll(/\S/g, ' ')): string[] {
  const lines: string[] = []
  let line = first
  let empty = true
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = next
      empty = true
    }
    line += empty ? word : ` ${word}`
    empty = false
  }
  lines.push(line)
  return lines
}
