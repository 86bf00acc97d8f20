import type { Ending } from '../../top/end-session.js'
import { PANEL_IDS, type Panel, type PanelId, type ShownRow, type Target } from '../../top/panel.js'
import { PANELS, panelOf } from '../../top/panels/index.js'
import type { Key } from './keys.js'

/** What the one who looks has chosen. */
export interface State {
  readonly panel: PanelId
  readonly intervalMs: number
  readonly isPaused: boolean
  readonly isHelp: boolean
  readonly isDone: boolean
  /** The row that is chosen: by its key, and where it was, for when it is gone. */
  readonly chosen: { readonly key: string | undefined; readonly index: number }
  readonly sorted: Readonly<Partial<Record<PanelId, Sorting>>>
  readonly filters: Readonly<Partial<Record<PanelId, string>>>
  /** What a row led to, and the first line of it that is shown. */
  readonly detail: { readonly target: Target; readonly scroll: number } | undefined
  readonly prompt: Prompt | undefined
  /** What happened last, until the next key. */
  readonly message: string
}

/** By which column, and whether from the largest. */
export interface Sorting {
  readonly by: string
  readonly descending: boolean
}

/** Something that is typed. */
export type Prompt =
  | { readonly kind: 'filter'; readonly text: string; readonly before: string }
  | {
      readonly kind: 'end'
      readonly ending: Ending
      readonly pid: number
      readonly begun: string | null
      readonly text: string
    }

/** What a key asks for besides the new state. */
export type Effect =
  | { readonly kind: 'read' | 'interrupt' | 'suspend' | 'redraw' }
  | { readonly kind: 'open'; readonly target: Target }
  | { readonly kind: 'end'; readonly ending: Ending; readonly pid: number; readonly begun: string | null }

/** What is on the screen when a key is pressed. */
export interface Seen {
  /** The rows, as they are sorted and filtered. */
  readonly rows: readonly ShownRow[]
  /** Rows of a page. */
  readonly page: number
  /** Lines of the detail. */
  readonly lines: number
  readonly allowCancel: boolean
}

/** Intervals that + and - go through, in milliseconds. */
export const INTERVALS: readonly number[] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000]
const TYPED_MAX = 60

/** The state at the beginning. */
export function initialState(panel: PanelId, intervalMs: number): State {
  const nothing = { isPaused: false, isHelp: false, isDone: false, sorted: {}, filters: {}, message: '' }
  return { ...nothing, panel, intervalMs, chosen: { key: undefined, index: 0 }, detail: undefined, prompt: undefined }
}

/** The state after a key, and what is to be done. Pure. */
export function press(state: State, key: Key, seen: Seen): { readonly state: State; readonly effect?: Effect } {
  if (key === 'interrupt') return { state, effect: { kind: 'interrupt' } }
  if (key === 'suspend') return { state, effect: { kind: 'suspend' } }
  if (key === 'redraw') return { state, effect: { kind: 'redraw' } }
  const quiet = { ...state, message: '' }
  if (state.prompt !== undefined) return typed(quiet, state.prompt, key)
  if (state.isHelp) return { state: { ...quiet, isHelp: false } }
  if (state.detail !== undefined) return inDetail(quiet, state.detail, key, seen)
  return inPanel(quiet, key, seen)
}

/** Where the chosen row is now: where its key is, else where it was, within the rows. */
export function chosenIndex({ chosen }: State, rows: readonly ShownRow[]): number {
  const found = chosen.key === undefined ? -1 : rows.findIndex(({ key }) => key === chosen.key)
  return found >= 0 ? found : Math.max(0, Math.min(chosen.index, rows.length - 1))
}

/** By which column a panel is sorted. */
export function sortingOf({ sorted, panel }: State): Sorting | undefined {
  return sorted[panel] ?? panelOf(panel).sorted
}

/** The rows of a panel as they are sorted and filtered. Null and what cannot be compared is last. */
export function arrange(
  panel: Panel,
  rows: readonly ShownRow[],
  sorting: Sorting | undefined,
  filter = '',
): readonly ShownRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const kept =
    words.length === 0
      ? rows
      : rows.filter((row) => {
          const text = panel.columns
            .map((column) => column.cell(row))
            .join(' ')
            .toLowerCase()
          return words.every((word) => text.includes(word))
        })
  const sort = panel.columns.find(({ id }) => id === sorting?.by)?.sort
  if (sort === undefined || sorting === undefined) return kept
  const values = new Map(kept.map((row) => [row, sort(row)]))
  return kept.toSorted(
    (a, b) => compare(values.get(a) ?? null, values.get(b) ?? null, sorting.descending) || (a.key < b.key ? -1 : 1),
  )
}

function compare(a: number | string | null, b: number | string | null, descending: boolean): number {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0)
  const order =
    typeof a === 'string' || typeof b === 'string'
      ? String(a) < String(b)
        ? -1
        : String(a) > String(b)
          ? 1
          : 0
      : a - b
  return descending ? -order : order
}

function inPanel(state: State, key: Key, seen: Seen): { state: State; effect?: Effect } {
  const { rows, page } = seen
  const at = chosenIndex(state, rows)
  const to = (index: number) => {
    const bounded = Math.max(0, Math.min(index, rows.length - 1))
    return { state: { ...state, chosen: { key: rows[bounded]?.key, index: bounded } } }
  }
  if (key === 'up') return to(at - 1)
  if (key === 'down') return to(at + 1)
  if (key === 'pageup') return to(at - page)
  if (key === 'pagedown') return to(at + page)
  if (key === 'home') return to(0)
  if (key === 'end') return to(rows.length - 1)
  if (key === 'tab' || key === 'right') return show(state, neighbour(state.panel, 1))
  if (key === 'backtab' || key === 'left') return show(state, neighbour(state.panel, -1))
  if (key === 'enter') return open(state, rows[at])
  if (key === 'escape') return { state: { ...state, filters: { ...state.filters, [state.panel]: '' } } }
  if (key === 'backspace') return { state }
  if (typeof key === 'string') return { state }
  const { text } = key
  if (text === 'j') return to(at + 1)
  if (text === 'k') return to(at - 1)
  if (text === 's' || text === 'S') return { state: { ...state, ...resorted(state, text === 's' ? 1 : -1) } }
  if (text === 'r') {
    const sorting = sortingOf(state)
    if (sorting === undefined) return { state: { ...state, message: 'a tree has its own order' } }
    return {
      state: { ...state, sorted: { ...state.sorted, [state.panel]: { ...sorting, descending: !sorting.descending } } },
    }
  }
  if (text === '/') {
    const before = state.filters[state.panel] ?? ''
    return { state: { ...state, prompt: { kind: 'filter', text: before, before } } }
  }
  if (text === 'c' || text === 'x') return ending(state, targetOf(state, rows[at]), text, seen)
  const common = everywhere(state, text)
  if (common !== undefined) return common
  const panel = PANELS.find((each, i) => each.key === text || String((i + 1) % 10) === text)
  return panel === undefined ? { state } : show(state, panel.id)
}

function inDetail(
  state: State,
  detail: NonNullable<State['detail']>,
  key: Key,
  seen: Seen,
): { state: State; effect?: Effect } {
  const scroll = (by: number) => {
    const last = Math.max(0, seen.lines - seen.page)
    return { state: { ...state, detail: { ...detail, scroll: Math.max(0, Math.min(detail.scroll + by, last)) } } }
  }
  const text = typeof key === 'string' ? key : key.text
  if (text === 'escape' || text === 'enter' || text === 'left' || text === 'backspace')
    return { state: { ...state, detail: undefined } }
  if (text === 'up' || text === 'k') return scroll(-1)
  if (text === 'down' || text === 'j') return scroll(1)
  if (text === 'pageup') return scroll(-seen.page)
  if (text === 'pagedown' || text === ' ') return scroll(seen.page)
  if (text === 'home') return scroll(-seen.lines)
  if (text === 'end') return scroll(seen.lines)
  if (text === 'c' || text === 'x') return ending(state, detail.target, text, seen)
  return everywhere(state, text) ?? { state }
}

/** Keys that do the same in a panel and in a detail. */
function everywhere(state: State, text: string): { state: State; effect?: Effect } | undefined {
  if (text === 'q') return { state: { ...state, isDone: true } }
  if (text === '?' || text === 'h') return { state: { ...state, isHelp: true } }
  if (text === 'p') return { state: { ...state, isPaused: !state.isPaused }, effect: { kind: 'read' } }
  if (text === '+' || text === '-') {
    const longer = INTERVALS.find((each) => each > state.intervalMs)
    const shorter = INTERVALS.findLast((each) => each < state.intervalMs)
    return {
      state: { ...state, intervalMs: (text === '+' ? longer : shorter) ?? state.intervalMs },
      effect: { kind: 'read' },
    }
  }
  return undefined
}

function typed(state: State, prompt: Prompt, key: Key): { state: State; effect?: Effect } {
  const withText = (text: string): State => ({
    ...state,
    prompt: { ...prompt, text },
    // The rows follow while it is typed.
    ...(prompt.kind === 'filter' ? { filters: { ...state.filters, [state.panel]: text } } : {}),
  })
  if (key === 'backspace') return { state: withText([...prompt.text].slice(0, -1).join('')) }
  if (typeof key === 'object')
    return { state: prompt.text.length < TYPED_MAX ? withText(prompt.text + key.text) : state }
  if (key === 'escape') {
    if (prompt.kind === 'end') return { state: { ...state, prompt: undefined, message: 'nothing was done' } }
    return { state: { ...withText(prompt.before), prompt: undefined } }
  }
  if (key !== 'enter') return { state }
  if (prompt.kind === 'filter') return { state: { ...state, prompt: undefined } }
  const { ending, pid, begun, text } = prompt
  if (text.trim() !== String(pid))
    return { state: { ...state, prompt: undefined, message: 'nothing was done: that was not its pid' } }
  return { state: { ...state, prompt: undefined }, effect: { kind: 'end', ending, pid, begun } }
}

function show(state: State, panel: PanelId): { state: State; effect?: Effect } {
  if (panel === state.panel) return { state }
  return { state: { ...state, panel, chosen: { key: undefined, index: 0 } }, effect: { kind: 'read' } }
}

function open(state: State, row: ShownRow | undefined): { state: State; effect?: Effect } {
  const target = targetOf(state, row)
  if (target === undefined) return { state: { ...state, message: 'there is nothing more to tell of it' } }
  if (target.kind === 'waiters') {
    const shown = show(state, 'activity')
    return { ...shown, state: { ...shown.state, filters: { ...state.filters, activity: target.event || 'active' } } }
  }
  return { state: { ...state, detail: { target, scroll: 0 } }, effect: { kind: 'open', target } }
}

function ending(state: State, target: Target | undefined, key: 'c' | 'x', { allowCancel }: Seen): { state: State } {
  const told = (message: string) => ({ state: { ...state, message } })
  if (!allowCancel) return told('to cancel statements and end sessions, start with --allow-cancel')
  if (target?.kind !== 'session') return told('choose a session to cancel: activity, locks, progress')
  const { pid, begun } = target
  return {
    state: { ...state, prompt: { kind: 'end', ending: key === 'c' ? 'cancel' : 'terminate', pid, begun, text: '' } },
  }
}

function resorted(state: State, step: 1 | -1): Partial<State> {
  const sortable = panelOf(state.panel).columns.filter(({ sort }) => sort !== undefined)
  if (sortable.length === 0) return { message: 'a tree has its own order' }
  const at = sortable.findIndex(({ id }) => id === sortingOf(state)?.by)
  const column = sortable[(at + step + sortable.length) % sortable.length]
  // Numbers are wanted from the largest, names from the first.
  const sorting = { by: column?.id ?? '', descending: column?.align === 'right' }
  return { sorted: { ...state.sorted, [state.panel]: sorting } }
}

const targetOf = ({ panel }: State, row: ShownRow | undefined) =>
  row === undefined ? undefined : panelOf(panel).target?.(row)

const neighbour = (panel: PanelId, step: 1 | -1): PanelId =>
  PANEL_IDS[(PANEL_IDS.indexOf(panel) + step + PANEL_IDS.length) % PANEL_IDS.length] as PanelId
