// What keys do: as terminals send them, and as a state machine against what must always hold.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Key, keysOf } from '../../dist/cli/top/keys.js'
import {
  arrange,
  chosenIndex,
  initialState,
  press,
  type Seen,
  type State,
  sortingOf,
} from '../../dist/cli/top/state.js'
import { PANEL_IDS, type PanelId, type ShownRow } from '../../dist/top/panel.js'
import { PANELS, panelOf } from '../../dist/top/panels/index.js'

const rowsOf = (pids: readonly number[]): ShownRow[] =>
  pids.map((pid) => ({ key: String(pid), pid, begun: `b${pid}`, gained: {} }) as ShownRow)
const seenOf = (more: Partial<Seen> = {}): Seen => ({
  rows: rowsOf([4711, 4712, 4713]),
  page: 10,
  lines: 30,
  allowCancel: true,
  ...more,
})
const type = (state: State, text: string, seen = seenOf()) => {
  let latest = press(state, { text: '' }, seen)
  for (const key of keysOf(text)) latest = press(latest.state, key, seen)
  return latest
}

describe('what a terminal sends', () => {
  test.each<[string, Key[]]>([
    ['\u001b[A\u001b[B\u001bOA', ['up', 'down', 'up']],
    ['\u001b[5~\u001b[6~\u001b[1~\u001b[F', ['pageup', 'pagedown', 'home', 'end']],
    ['\u001b[1;5A', ['up']],
    ['\u001b[Z\t', ['backtab', 'tab']],
    ['\r\n\u007f\b', ['enter', 'enter', 'backspace', 'backspace']],
    ['\u001b', ['escape']],
    ['\u0003\u001a\u000c', ['interrupt', 'suspend', 'redraw']],
    ['é日', [{ text: 'é' }, { text: '日' }]],
    // What is not known is left out, not taken for the q in it.
    ['\u001b[200~\u001b[?1;2c\u001b[12;40R\u001bOq', ['escape', { text: 'O' }, { text: 'q' }]],
    ['\u0000\u0001\u009b', []],
  ])('%j', (sent, keys) => expect(keysOf(sent)).toEqual(keys))

  test('is never taken for a control character', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 0x10ffff })).map((points) => String.fromCodePoint(...points)),
        (sent) => {
          for (const key of keysOf(sent)) if (typeof key === 'object') expect(key.text).not.toMatch(/\p{C}/u)
        },
      ),
    )
  })
})

describe('keys', () => {
  const keys: fc.Arbitrary<Key> = fc.oneof(
    fc.constantFrom<Key>(
      'up',
      'down',
      'left',
      'right',
      'home',
      'end',
      'pageup',
      'pagedown',
      'enter',
      'escape',
      'tab',
      'backtab',
      'backspace',
    ),
    fc.constantFrom(...'jksSr/p+-?hcxouawltbnig1234567890 ').map((text) => ({ text })),
  )

  test('never lead where one cannot be, and end no session that was not named', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(keys, fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 8 }), fc.boolean()), {
          maxLength: 80,
        }),
        fc.constantFrom(...PANEL_IDS),
        (steps, panel) => {
          let state = initialState(panel, 2000)
          for (const [key, pids, allowCancel] of steps) {
            const before = state
            const rows = rowsOf([...new Set(pids)])
            const result = press(state, key, seenOf({ rows, allowCancel }))
            state = result.state
            expect(PANEL_IDS).toContain(state.panel)
            expect(state.isDone).toBe(false)
            expect(state.intervalMs).toBeGreaterThanOrEqual(250)
            expect(state.intervalMs).toBeLessThanOrEqual(60_000)
            const at = chosenIndex(state, rows)
            expect(at).toBeGreaterThanOrEqual(0)
            expect(at).toBeLessThanOrEqual(Math.max(0, rows.length - 1))
            expect(state.detail?.scroll ?? 0).toBeGreaterThanOrEqual(0)
            const sorting = sortingOf(state)
            const columns = panelOf(state.panel).columns
            if (sorting !== undefined) expect(columns.find(({ id }) => id === sorting.by)?.sort).toBeDefined()
            // The model of the one dangerous thing.
            if (state.prompt?.kind === 'end' && before.prompt?.kind !== 'end') expect(allowCancel).toBe(true)
            if (result.effect?.kind === 'end') {
              expect(key).toBe('enter')
              expect(before.prompt).toMatchObject({
                kind: 'end',
                pid: result.effect.pid,
                text: String(result.effect.pid),
              })
            }
            if (before.prompt !== undefined && key !== 'enter' && key !== 'escape')
              expect(state.panel).toBe(before.panel)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  test('q ends, except where it is typed into a filter', () => {
    expect(type(initialState('activity', 2000), 'q').state.isDone).toBe(true)
    expect(type(initialState('activity', 2000), '/q').state).toMatchObject({
      isDone: false,
      filters: { activity: 'q' },
    })
    expect(type(initialState('activity', 2000), '/abc\u007f\r').state).toMatchObject({
      prompt: undefined,
      filters: { activity: 'ab' },
    })
    expect(type(initialState('activity', 2000), '/abc\u001b').state.filters.activity).toBe('')
  })

  test('every panel is reached by its letter, its digit and tab', () => {
    for (const [i, { id, key }] of PANELS.entries()) {
      expect(type(initialState(i === 0 ? 'waits' : 'overview', 2000), key)).toMatchObject({
        state: { panel: id },
        effect: { kind: 'read' },
      })
      expect(type(initialState(i === 0 ? 'waits' : 'overview', 2000), String((i + 1) % 10)).state.panel).toBe(id)
    }
    let state = initialState('overview', 2000)
    const seen: PanelId[] = []
    for (let i = 0; i < PANEL_IDS.length; i++) {
      seen.push(state.panel)
      state = press(state, 'tab', seenOf()).state
    }
    expect(seen).toEqual(PANEL_IDS)
    expect(press(state, 'backtab', seenOf()).state.panel).toBe('progress')
  })

  test('enter leads to what the row is; of a wait to its sessions', () => {
    const { state, effect } = type(initialState('activity', 2000), 'j\r')
    expect(effect).toEqual({ kind: 'open', target: { kind: 'session', pid: 4712, begun: 'b4712' } })
    expect(press(state, 'escape', seenOf()).state.detail).toBeUndefined()
    const waits = seenOf({ rows: [{ key: 'Lock/tuple', type: 'Lock' } as ShownRow] })
    expect(type(initialState('waits', 2000), '\r', waits).state).toMatchObject({
      panel: 'activity',
      filters: { activity: 'Lock/tuple' },
    })
  })

  test('cancel only with leave, and only by typing the pid', () => {
    expect(type(initialState('activity', 2000), 'c', seenOf({ allowCancel: false })).state).toMatchObject({
      prompt: undefined,
      message: expect.stringContaining('--allow-cancel'),
    })
    expect(type(initialState('activity', 2000), 'c4711\r').effect).toEqual({
      kind: 'end',
      ending: 'cancel',
      pid: 4711,
      begun: 'b4711',
    })
    expect(type(initialState('activity', 2000), 'jx4712\r').effect).toEqual({
      kind: 'end',
      ending: 'terminate',
      pid: 4712,
      begun: 'b4712',
    })
    for (const wrong of ['c\r', 'cy\r', 'c471\r', 'c4711\u001b', 'c47111\r']) {
      const { state, effect } = type(initialState('activity', 2000), wrong)
      expect(effect).toBeUndefined()
      expect(state).toMatchObject({ prompt: undefined, message: expect.stringContaining('nothing was done') })
    }
    expect(type(initialState('tables', 2000), 'c').state.message).toMatch(/choose a session/)
  })

  test('the chosen row is followed when the order changes', () => {
    const { state } = type(initialState('activity', 2000), 'j')
    expect(chosenIndex(state, rowsOf([1, 2, 3, 4712]))).toBe(3)
    expect(chosenIndex(state, rowsOf([1, 2, 3]))).toBe(1)
  })
})

test('rows are sorted by any column either way, what is not known last, and filtered by words', () => {
  const panel = panelOf('tables')
  const rows = [3, null, 1, 2].map(
    (writesPerSecond, i) =>
      ({ key: String(i), name: `public.t${i}`, writesPerSecond, dead: i, vacuum: '' }) as unknown as ShownRow,
  )
  const keys = (some: readonly ShownRow[]) => some.map(({ key }) => key)
  expect(keys(arrange(panel, rows, { by: 'writes', descending: true }))).toEqual(['0', '3', '2', '1'])
  expect(keys(arrange(panel, rows, { by: 'writes', descending: false }))).toEqual(['2', '3', '0', '1'])
  expect(keys(arrange(panel, rows, { by: 'table', descending: false }, 'T2'))).toEqual(['2'])
  expect(keys(arrange(panel, rows, undefined, 'public nothing'))).toEqual([])
})
