import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hnswSize } from '../../dist/storage/hnsw-size.js'
import { rowSize } from '../../dist/storage/row-size.js'
import type { TableShape } from '../../dist/storage/table-shape.js'
import { toastSize } from '../../dist/storage/toast-size.js'
import { runCli } from '../cli/run-cli.js'
import { createTestDatabase, onEngines } from '../setup/index.js'

let cwd: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-storage-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

const advise = (...parameters: string[]) => runCli(cwd, ['advise', 'storage', ...parameters])
const planOf = async (...parameters: string[]) => {
  const { code, stdout, stderr } = await advise('--json', ...parameters)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe('sizes', () => {
  const shape = (fillfactor: number, widths: readonly number[]): TableShape => ({
    table: 'a.b',
    columns: widths.map((width, i) => ({
      name: `c${i}`,
      width,
      align: Math.min(8, width),
      nullable: false,
      storage: 'plain',
    })),
    indexes: [],
    fillfactor,
    toastTarget: 2032,
    monthly: false,
    retentionDays: undefined,
  })

  test('a row is aligned as the documentation of PostgreSQL says', () => {
    // 24 bytes of header, a bigint, and an integer with four bytes behind it; four point to it.
    expect(rowSize(shape(100, [8, 4]), {}).heapBytes).toBe(44)
    // The other way round there is room between them.
    expect(rowSize(shape(100, [4, 8]), {}).heapBytes).toBe(44)
    expect(rowSize(shape(100, [4, 8, 4]), {}).heapBytes).toBe(52)
    expect(rowSize(shape(100, [8, 4]), {}).perPage).toBe(185)
    expect(rowSize(shape(50, [8, 4]), {}).perPage).toBe(92)
  })

  test('a value that is moved out takes its bytes and no more than two pages beside', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50_000_000 }), (bytes) => {
        const size = toastSize(bytes)
        expect(size).toBeGreaterThan(bytes)
        expect(size).toBeLessThan(bytes * 1.55 + 2 * 8192)
      }),
    )
  })

  test('an index of vectors holds whole pages of them: m between 12 and 24 costs the same at 768 dimensions', () => {
    const bytes = 8 + 4 * 768
    expect([12, 16, 24].map((m) => hnswSize(bytes, m))).toEqual([4096, 4096, 4096])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 2, max: 100 }), (dimensions, m) => {
        expect(hnswSize(8 + 4 * dimensions, m)).toBeGreaterThan(4 * dimensions + 12 * m)
      }),
    )
  })
})

describe('pgfleet advise storage', () => {
  test('sums up what it says of each table', async () => {
    const plan = await planOf('--days', '30', '--events', '10/s', '--vectors', '384=5000', '--keep', 'memory.events=7')
    const sum = (of: (table: { bytes: number }) => number) =>
      plan.tables.map(of).reduce((a: number, b: number) => a + b, 0)
    expect(sum((table) => table.bytes)).toBeCloseTo(plan.bytes, 0)
    expect(
      plan.stores.map((each: { bytes: number }) => each.bytes).reduce((a: number, b: number) => a + b, 0),
    ).toBeCloseTo(plan.bytes, 0)
    const events = plan.tables.find(({ table }: { table: string }) => table === 'memory.events')
    // Seven days and a month, for a partition goes as a whole; the horizon comes first.
    expect(events).toMatchObject({ rowsPerDay: 864_000, rows: 864_000 * 30, keptDays: 38, from: 'catalogue' })
    expect(plan.tables.filter(({ table }: { table: string }) => table.startsWith('memory.vectors'))).toMatchObject([
      { table: 'memory.vectors_384', rows: 5000 },
    ])
  })

  test('prints a table with bars, draws it, and takes a file; options come before it', async () => {
    await writeFile(join(cwd, 'fleet.json'), JSON.stringify({ events: 1000, metrics: 5, horizonDays: 10 }))
    const { code, stdout } = await advise('--workload', 'fleet.json', '--metrics', '700', '--svg', 'storage.svg')
    expect(code).toBe(0)
    expect(stdout).toMatch(/memory\.events +│ +10,000 /)
    expect(stdout).toMatch(/delivery\.metrics +│ +7,000 /)
    expect(stdout).toContain('█')
    expect(stdout).toMatch(/After 10 days: .*B; heap/)
    const svg = await readFile(join(cwd, 'storage.svg'), 'utf8')
    expect(svg).toMatch(/^<svg [\s\S]*memory\.events[\s\S]*<\/svg>\n$/)
  })

  test('takes any dimension that a table could be made for', async () => {
    const plan = await planOf('--vectors', '1024=1000000', '--vectors', '3500=10')
    const rows = plan.tables.map(({ table, rows }: { table: string; rows: number }) => [table, rows])
    expect(rows).toContainEqual(['memory.vectors_1024', 1_000_000])
    expect(rows).toContainEqual(['memory.vectors_3500', 10])
  })

  test.each([
    [['--events', 'many'], 'A rate like 20000 (a day), 3/s, 200/min or 5000/h is expected.'],
    [['--vectors', '768'], 'A name and a number are expected'],
    [['--workload', 'nothing.json'], 'nothing.json cannot be read'],
    [['--workload', 'wrong.json'], 'workload.evnets'],
    [['--keep', 'memory.unknown=3'], 'workload.retentionDays.memory.unknown: no such table grows'],
    [['--vectors', '0=3'], 'workload.vectors: vectors have 1 to 4000 dimensions'],
    [['--vectors', '99999=3'], 'workload.vectors: vectors have 1 to 4000 dimensions'],
  ])('%j is refused', async (parameters, message) => {
    await writeFile(join(cwd, 'wrong.json'), '{"evnets": 3}')
    const { code, stdout, stderr } = await advise(...parameters)
    expect(stdout).toBe('')
    expect(stderr).toContain(message)
    expect(code).not.toBe(0)
  })

  onEngines(['direct', 'pooled'], 'the program cannot share a database in memory')(
    'reads an installation: too few rows are left to the catalogue',
    async () => {
      const database = await createTestDatabase()
      const plan = await planOf('--url', database.options.url as string)
      expect(plan.tables.length).toBeGreaterThan(10)
      expect(plan.tables.every(({ from }: { from: string }) => from === 'catalogue')).toBe(true)
      const { stderr } = await advise('--url', database.options.url as string, '--vectors', '1024=3')
      expect(stderr).toMatch(/no table memory\.vectors_1024\n.*pgfleet vectors add-dimension 1024/)
    },
  )
})
