// The screen, drawn from made-up looks: never wider or higher than the terminal, and nothing in it that a terminal obeys.
import fc from 'fast-check'
import picocolors from 'picocolors'
import { describe, expect, test } from 'vitest'
import { clean, fill, widthOf, wrap } from '../../dist/cli/top/characters.js'
import { detailLines, drawFrame, type Scene } from '../../dist/cli/top/frame.js'
import { paintLine } from '../../dist/cli/top/paint.js'
import { initialState, type State } from '../../dist/cli/top/state.js'
import type { Column, ShownRow } from '../../dist/top/panel.js'
import { PANELS, panelOf } from '../../dist/top/panels/index.js'

/** Any text: of letters, of all of Unicode, of lone surrogates, of control characters and escape sequences. */
const anyText = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 100 }).map((points) => String.fromCodePoint(...points)),
  fc.array(fc.integer({ min: 0, max: 0x3fff }), { maxLength: 100 }).map((points) => String.fromCodePoint(...points)),
  fc.string({ maxLength: 300 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '\u001b[2J\u001b]0;title\u0007',
    '\u009b31m',
    '日本語'.repeat(30),
    '👩‍👩‍👧‍👦'.repeat(9),
    'a\u0301\u0302\u0303\u0304',
    '\u202eabc',
    'x\ty\r\nz',
  ),
)

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

const colors = picocolors.createColors(true)
const textOf = (lines: ReturnType<typeof drawFrame>) => lines.map((line) => line.map(([text]) => text).join(''))

const sceneOf = (more: Partial<Scene> = {}): Scene => ({
  state: initialState('activity', 2000),
  panel: panelOf('activity'),
  where: 'monitor@db.example:5432/shop',
  server: '18.4 primary, up 3d4h',
  rows: [],
  total: 0,
  notes: [],
  detail: undefined,
  lost: undefined,
  isFirst: false,
  ...more,
})

const session = (pid: number, more: object = {}): ShownRow =>
  ({
    key: String(pid),
    pid,
    user: 'app',
    database: 'shop',
    application: '',
    state: 'active',
    wait: null,
    seconds: 1,
    transaction: 1,
    xminAge: 10,
    query: `select ${pid}`,
    begun: null,
    total: 1,
    ...more,
  }) as ShownRow

describe('a text', () => {
  test('fills exactly so many cells, and holds nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 0, max: 120 }),
        fc.constantFrom('left' as const, 'right' as const),
        (text, width, align) => {
          const filled = fill(text, width, align)
          expect(widthOf(filled)).toBe(width)
          expect(filled).not.toMatch(CONTROL)
          expect(filled.isWellFormed()).toBe(true)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('is wrapped into lines that fit, and none of its words is lost', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 100 }), (text, width) => {
        for (const line of wrap(text, width)) {
          expect(widthOf(line)).toBeLessThanOrEqual(width)
          expect(line).not.toMatch(CONTROL)
        }
      }),
      { numRuns: 200 },
    )
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/)), fc.integer({ min: 1, max: 60 }), (words, width) => {
        expect(wrap(words.join(' '), width).join('').replaceAll(' ', '')).toBe(words.join(''))
      }),
    )
  })

  test('shows control characters as pictures, and folds white space', () => {
    expect(clean('select\n\t 1 \u001b[31m\u007f\u009b')).toBe('select 1 ␛[31m␡\ufffd')
    expect(widthOf(clean('日本'))).toBe(4)
    expect(widthOf(clean('e\u0301'))).toBe(1)
  })
})

describe('a frame', () => {
  const anyRow = fc
    .record({
      key: anyText,
      depth: fc.integer({ min: 0, max: 50 }),
      mark: fc.constantFrom('none', 'dim', 'warning', 'critical'),
    })
    .chain((row) => fc.array(anyText, { minLength: 9, maxLength: 9 }).map((cells) => ({ ...row, cells })))
  const anyState = fc.record({
    isHelp: fc.boolean(),
    isPaused: fc.boolean(),
    message: anyText,
    chosen: fc.record({ key: fc.option(anyText, { nil: undefined }), index: fc.nat(1000) }),
    filters: fc.record({ activity: anyText }),
    prompt: fc.constantFrom<State['prompt']>(
      undefined,
      { kind: 'filter', text: '日\u001b[', before: '' },
      { kind: 'end', ending: 'terminate', pid: 4711, begun: null, text: '\u001b' },
    ),
    isDetail: fc.boolean(),
  })

  test('is as high as the screen and never wider, whatever is in it', () => {
    // Columns of the panel's widths, whose cells hold anything.
    const panel = {
      ...panelOf('activity'),
      columns: panelOf('activity').columns.map(
        (column, i): Column<ShownRow> => ({
          ...column,
          cell: (row) => (row as unknown as { cells: string[] }).cells[i] ?? '',
        }),
      ),
    }
    fc.assert(
      fc.property(
        fc.array(anyRow, { maxLength: 40 }),
        anyState,
        fc.integer({ min: 1, max: 160 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(anyText, { maxLength: 5 }),
        fc.option(anyText, { nil: undefined }),
        (rows, { isDetail, ...more }, width, height, notes, lost) => {
          const state: State = {
            ...initialState('activity', 2000),
            ...more,
            detail: isDetail ? { target: { kind: 'session', pid: 1, begun: null }, scroll: 3 } : undefined,
          }
          const detail = {
            title: notes[0] ?? 'x',
            fields: notes.map((note) => [note, note] as const),
            sections: [
              { title: 'a', lines: notes, wraps: true },
              { title: 'b', lines: notes, wraps: false },
            ],
          }
          const where = notes.join(' ')
          const lines = drawFrame(
            sceneOf({
              state,
              panel,
              rows: rows as unknown as ShownRow[],
              total: rows.length,
              notes,
              lost,
              where,
              detail,
            }),
            width,
            height,
          )
          expect(lines).toHaveLength(height)
          for (const [i, text] of textOf(lines).entries()) {
            expect(widthOf(text)).toBeLessThanOrEqual(width)
            expect(text).not.toMatch(CONTROL)
            // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are all that may be escaped
            expect(paintLine(lines[i] ?? [], colors).replaceAll(/\u001b\[\d+m/g, '')).toBe(text)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  test('of 80 columns and 24 rows has the server, all tabs, the heads, the rows and the keys', () => {
    const rows = Array.from({ length: 50 }, (_, i) => session(1000 + i))
    const lines = textOf(drawFrame(sceneOf({ rows, total: 50, notes: ['something has to be known'] }), 80, 24))
    expect(lines[0]).toMatch(/^monitor@db\.example:5432\/shop {2}18\.4 primary, up 3d4h .* every 2 s$/)
    expect(lines[1]).toBe('overview queries [activity] waits locks tables jobs partitions replicas progress')
    expect(lines[2]?.trim().split(/ +/)).toEqual(['pid', 'user', 'state↑', 'time', 'tx', 'waits', 'for', 'query'])
    expect(lines[3]).toMatch(/^ {3}1000 app {7}active {6}1\.0s {3}1\.0s .* select 1000 +$/)
    expect(lines.slice(3, 22).every((line) => /select \d/.test(line))).toBe(true)
    expect(lines[22]).toBe('something has to be known')
    expect(lines[23]).toMatch(/^enter more .* q quit$/)
  })

  test('shows the chosen row wherever it is, and only it as chosen, without colours too', () => {
    expect(
      paintLine(
        [
          ['a', 'chosen'],
          ['b', 'critical'],
        ],
        picocolors.createColors(false),
      ),
    ).toBe('\u001b[7ma\u001b[27mb')
    const rows = Array.from({ length: 200 }, (_, i) => session(1000 + i))
    for (const [key, index] of [
      ['1000', 0],
      ['1100', 0],
      ['1199', 0],
      ['gone', 150],
      ['gone', 999],
    ] as const) {
      const state = { ...initialState('activity', 2000), chosen: { key, index } }
      const chosen = drawFrame(sceneOf({ rows, state }), 80, 24)
        .slice(2)
        .flat()
        .filter(([, style]) => style === 'chosen')
      const expected = key === 'gone' ? 1000 + Math.min(index, 199) : Number(key)
      expect(chosen.map(([text]) => text.trim().split(' ')[0])).toEqual([String(expected)])
    }
  })

  test('is dim where the connection is lost, and says so', () => {
    const lines = drawFrame(sceneOf({ rows: [session(1)], lost: 'connect ECONNREFUSED' }), 80, 24)
    expect(
      lines
        .slice(2, 23)
        .flat()
        .every(([, style]) => style === 'dim'),
    ).toBe(true)
    expect(textOf(lines)[0]).toMatch(/reconnecting$/)
    expect(textOf(lines)[23]).toBe('reconnecting: connect ECONNREFUSED')
  })

  test('keeps the leading spaces of a plan, and wraps a statement', () => {
    const lines = detailLines(
      {
        title: 't',
        fields: [['name', 'value']],
        sections: [
          { title: 'plan', lines: ['cost  node', '  10  └ Seq Scan'], wraps: false },
          { title: 'statement', lines: ['select 1', '  from t'], wraps: true },
        ],
      },
      40,
    )
    expect(textOf(lines)).toEqual([
      't',
      'name  value',
      '',
      'plan',
      'cost  node',
      '  10  └ Seq Scan',
      '',
      'statement',
      'select 1',
      '  from t',
    ])
  })

  test.each(PANELS.map((panel) => [panel.id, panel] as const))(
    'has room for what %s cannot do without, at 80 columns and at 40',
    (_, panel) => {
      for (const width of [40, 80, 200]) {
        const lines = textOf(drawFrame(sceneOf({ panel, state: initialState(panel.id, 2000) }), width, 24))
        expect(lines.every((line) => widthOf(line) <= width)).toBe(true)
        const [first] = panel.columns.filter(({ drop }) => drop === undefined)
        expect(lines[2]).toContain(first?.title.slice(0, 4))
      }
      // Keys are letters of the names, each once, and none that does something else.
      expect(panel.id).toContain(panel.key)
      expect('jksSrpcxqh').not.toContain(panel.key)
      expect(PANELS.filter(({ key }) => key === panel.key)).toHaveLength(1)
    },
  )
})
