import type { Detail } from '../../top/details/detail.js'
import type { Panel, ShownRow } from '../../top/panel.js'
import { PANELS } from '../../top/panels/index.js'
import { clean, fill, place, widthOf, wrap } from './characters.js'
import { chosenIndex, type State, sortingOf } from './state.js'
import { headLine, placeColumns, rowLine } from './table.js'

/** How a part of a line is painted. */
export type Style = 'none' | 'bold' | 'dim' | 'warning' | 'critical' | 'chosen' | 'head'

/** A part of a line: clean text with its style. */
export type Span = readonly [text: string, style: Style]

/** A line of the screen. Its spans take no more cells than the screen has. */
export type Line = readonly Span[]

/** All that is drawn. */
export interface Scene {
  readonly state: State
  readonly panel: Panel
  /** Where it looks, in words. */
  readonly where: string
  /** The server in words: version, role, how long it is up. */
  readonly server: string
  /** The rows, sorted and filtered. */
  readonly rows: readonly ShownRow[]
  /** How many there are without the filter. */
  readonly total: number
  readonly notes: readonly string[]
  readonly detail: Detail | undefined
  /** Why there is no connection; what was last seen is drawn dim. */
  readonly lost: string | undefined
  /** Nothing was read of this panel yet. */
  readonly isFirst: boolean
}

/** Lines that are not the panel's: server, tabs, head of the columns, the last one. */
const AROUND = 4
/** Most lines that notes take. */
const NOTES_MAX = 3

/** Rows of a page of the panel, on a screen of so many lines. */
export function pageOf(height: number, notes: number): number {
  return Math.max(1, height - AROUND - Math.min(notes, NOTES_MAX))
}

/** The screen in exactly `height` lines, none wider than `width`. */
export function drawFrame(scene: Scene, width: number, height: number): Line[] {
  const { state, lost } = scene
  const body = state.isHelp
    ? helpLines(width)
    : state.detail !== undefined
      ? detailBody(scene, width, height)
      : panelBody(scene, width, height)
  const room = Math.max(0, height - 3)
  const shown = body.slice(0, room)
  const dimmed = lost === undefined ? shown : shown.map((line): Line => line.map(([text]) => [text, 'dim'] as const))
  const lines: Line[] = [topLine(scene, width), tabLine(state, width), ...dimmed]
  while (lines.length < height - 1) lines.push([])
  // On a screen of hardly any lines the beginning is what is seen.
  return [...lines.slice(0, Math.max(0, height - 1)), lastLine(scene, width)].slice(-height)
}

/** Lines of a detail, at most so wide. */
export function detailLines(detail: Detail | undefined, width: number): Line[] {
  if (detail === undefined) return [[[fill('reading …', width).trimEnd(), 'dim']]]
  const names = Math.min(14, Math.max(0, ...detail.fields.map(([name]) => name.length)) + 2)
  const fields = detail.fields.flatMap(([name, value]): Line[] =>
    wrap(value, Math.max(10, width - names)).map((line, i) =>
      cutLine(
        [
          [fill(i === 0 ? name : '', names), 'dim'],
          [line, 'none'],
        ],
        width,
      ),
    ),
  )
  const sections = detail.sections.flatMap(({ title, lines, wraps }): Line[] => [
    [],
    [[fill(title, width).trimEnd(), 'bold']],
    ...lines
      .flatMap((line) => (wraps ? wrap(line, width) : [place(visible(line), width).trimEnd()]))
      .map((line): Line => [[line, 'none']]),
  ])
  return [[[fill(detail.title, width).trimEnd(), 'bold']], ...fields, ...sections]
}

/** A line of a drawing: its spaces stay, its other characters are cleaned. */
const visible = (line: string) =>
  line
    .split(/( {2,})/)
    .map((part) => (/^ *$/.test(part) ? part : keepEnds(part)))
    .join('')
const keepEnds = (part: string) =>
  `${part.startsWith(' ') ? ' ' : ''}${clean(part.trim())}${part.length > 1 && part.endsWith(' ') ? ' ' : ''}`

function topLine({ where, server, state, lost }: Scene, width: number): Line {
  const flags = lost !== undefined ? 'reconnecting' : state.isPaused ? 'paused' : `every ${state.intervalMs / 1000} s`
  const right = fill(flags, Math.min(width, flags.length))
  const left = Math.max(0, width - right.length - 1)
  return cutLine(
    [
      [place(`${clean(where)}  ${clean(server)}`, left), 'bold'],
      [' ', 'none'],
      [right, lost !== undefined ? 'critical' : state.isPaused ? 'warning' : 'dim'],
    ],
    width,
  )
}

function tabLine({ panel }: State, width: number): Line {
  // With brackets around one of them all names are 80 cells.
  const all = PANELS.flatMap((each, i): Span[] => {
    const gap: Span[] = i === 0 ? [] : [[' ', 'none']]
    if (each.id === panel) return [...gap, [`[${each.id}]`, 'chosen']]
    const at = each.id.indexOf(each.key)
    return [...gap, [each.id.slice(0, at), 'none'], [each.key, 'head'], [each.id.slice(at + 1), 'none']]
  })
  if (widthOfLine(all) <= width) return all
  return cutLine(
    [
      [`[${panel}]`, 'chosen'],
      [' tab: the next, ?: help', 'dim'],
    ],
    width,
  )
}

function panelBody(scene: Scene, width: number, height: number): Line[] {
  const { state, panel, rows, notes, isFirst, total } = scene
  const placed = placeColumns(panel.columns, width)
  const shownNotes = notes.slice(0, NOTES_MAX)
  const page = pageOf(height, shownNotes.length)
  const at = chosenIndex(state, rows)
  const from = Math.max(0, Math.min(at - (page >> 1), rows.length - page))
  const lines: Line[] = [[[headLine(placed, sortingOf(state), width), 'head']]]
  for (const [i, row] of rows.slice(from, from + page).entries()) {
    lines.push([[rowLine(placed, row, width), from + i === at ? 'chosen' : styleOf(row)]])
  }
  if (rows.length === 0) {
    const why = isFirst
      ? 'reading …'
      : total > 0
        ? `none of ${total} has '${state.filters[state.panel] ?? ''}': escape shows all`
        : panel.empty
    lines.push([[fill(why, width).trimEnd(), 'dim']])
  }
  while (lines.length < page + 1) lines.push([])
  return [...lines, ...shownNotes.map((note): Line => [[fill(note, width).trimEnd(), 'dim']])]
}

function detailBody({ state, detail }: Scene, width: number, height: number): Line[] {
  const lines = detailLines(detail, width)
  const from = Math.max(0, Math.min(state.detail?.scroll ?? 0, lines.length - Math.max(1, height - 3)))
  return lines.slice(from)
}

/** Rows of a page of a detail, on a screen of so many lines. */
export function detailPageOf(height: number): number {
  return Math.max(1, height - 3)
}

function lastLine({ state, lost, rows, total }: Scene, width: number): Line {
  const { prompt, message } = state
  if (prompt?.kind === 'filter')
    return cutLine(
      [
        ['filter: ', 'bold'],
        [fill(prompt.text, Math.max(1, width - 10)).trimEnd(), 'none'],
        ['_', 'bold'],
      ],
      width,
    )
  if (prompt?.kind === 'end') {
    const question =
      prompt.ending === 'cancel'
        ? `type ${prompt.pid} and enter to cancel its statement: `
        : `type ${prompt.pid} and enter to end that session: `
    return cutLine(
      [
        [question, 'critical'],
        [clean(prompt.text), 'none'],
        ['_', 'bold'],
      ],
      width,
    )
  }
  if (lost !== undefined) return [[fill(`reconnecting: ${lost}`, width).trimEnd(), 'critical']]
  if (message !== '') return [[fill(message, width).trimEnd(), 'warning']]
  if (state.isHelp) return [[fill('any key goes back', width).trimEnd(), 'dim']]
  if (state.detail !== undefined)
    return [[place('escape back  j k scroll  c cancel  x end the session  ? help  q quit', width).trimEnd(), 'dim']]
  const filter = state.filters[state.panel]
  const shown = filter ? `${clean(`'${filter}'`)}: ${rows.length} of ${total}  ` : ''
  const keys = 'enter more  s sort  r reverse  / filter  p pause  + - interval  ? help  q quit'
  return [[place(shown + keys, width).trimEnd(), 'dim']]
}

function helpLines(width: number): Line[] {
  const entries: readonly (readonly [string, string])[] = [
    ...PANELS.map((panel, i) => [`${panel.key} or ${(i + 1) % 10}`, `${panel.id}: ${panel.title}`] as const),
    ['tab', 'the next panel; also the arrows to the sides'],
    ['j k', 'down, up; also the arrows, page up and down, home, end'],
    ['enter', 'more of the row: a statement and its plan, a session and its locks, a table'],
    ['s S r', 'sort by the next or the last column; reverse the order'],
    ['/', 'only rows that have these words; escape shows all'],
    ['p', 'pause'],
    ['+ -', 'read less often, more often'],
    ['c x', 'cancel a statement, end a session (with --allow-cancel; asks for the pid)'],
    ['q', 'quit'],
  ]
  return entries.map(([keys, what]) =>
    cutLine(
      [
        [fill(keys, 8), 'head'],
        [fill(what, Math.max(1, width - 8)).trimEnd(), 'none'],
      ],
      width,
    ),
  )
}

const styleOf = ({ mark = 'none' }: ShownRow): Style => mark

const widthOfLine = (line: Line) => line.reduce((sum, [text]) => sum + widthOf(text), 0)

/** The line without what does not fit. */
function cutLine(line: Line, width: number): Line {
  let room = width
  return line.flatMap(([text, style]): Span[] => {
    if (room <= 0) return []
    const size = widthOf(text)
    const shown = size > room ? place(text, room) : text
    room -= Math.min(size, room)
    return [[shown, style]]
  })
}
