import { stripVTControlCharacters } from 'node:util'
import { checkRun, formatCheck, formatMarkdown, formatReport, runScenario, toJson } from 'pgfleet/bench'
import { describe, expect, test } from 'vitest'
import { play, playback, ratioTarget, scenarioOf } from './samples.js'

const ours = (throughput = 65_432.1, errors = 0) =>
  playback('ours', Array(3).fill({ throughput, p99: 1.2345, errors }), { rival: 'theirs' })
const theirs = playback('theirs', Array(3).fill({ throughput: 32_716.05, p50: null }), { kind: 'pgbench' })
const absent = playback('theirs', ['no pgbench here'], { kind: 'pgbench' })

describe('the report', () => {
  test('shows each contestant with medians and the ratio to its rival', async () => {
    const text = formatReport(await play([ours(), theirs], [ratioTarget(2)]))
    expect(text).toMatch(/ours +│ +18 │ +65,432 │ +1\.5 │ +1 │ +2 │ +1\.23 │ 2x theirs/)
    expect(text).toMatch(/theirs +│ +18 │ +32,716 │ +1\.5 │ +- │/)
    expect(text).toMatch(/twice as fast as pgbench │ architecture\.md, 1 │ >= 2x +│ 2x +│ met/)
    expect(text).toContain('3 rounds')
  })

  test('shows the tables of the scenario, as text, as JSON and as Markdown', async () => {
    const tables = [
      {
        title: 'Found',
        head: ['k', 'share'],
        rows: [
          ['5', '0.5'],
          ['a|b', '1'],
        ],
      },
    ]
    const run = await runScenario({ ...scenarioOf([ours(), theirs]), tables: () => tables }, { subject: null })
    expect(formatReport(run)).toMatch(/Found[\s\S]*│ k +│ share │[\s\S]*│ 5 +│ 0\.5 +│[\s\S]*│ a\|b │ 1 +│/)
    expect(JSON.parse(toJson(run))).toMatchObject({ tables })
    expect(formatMarkdown(run)).toContain('Found:\n\n| k | share |\n|---|---|\n| 5 | 0.5 |\n| a\\|b | 1 |')
  })

  test('shows the range of the rounds', async () => {
    const uneven = playback('ours', [{ throughput: 1 }, { throughput: 2 }, { throughput: 3 }], { rival: 'theirs' })
    const even = playback('theirs', Array(3).fill({ throughput: 1 }))
    expect(formatReport(await play([uneven, even]))).toContain('2x theirs (1 to 3)')
  })

  test('shows the interval of a median where a target asks for it', async () => {
    const rounds = Array.from({ length: 20 }, (_, round) => ({ figures: { overhead: round + 1 } }))
    const target = {
      id: 'overhead',
      what: 'overhead',
      source: 'here',
      metric: { kind: 'median' as const, of: 'figure.overhead' as const, contestant: 'ours' },
      op: '<=' as const,
      value: 5,
      unit: '%',
      interval: true,
    }
    const run = await play([playback('ours', rounds)], [target], 20)
    expect(formatMarkdown(run)).toContain('| <= 5% | 10.5% (95 %: 6 to 15) | short |')
    expect(formatCheck(checkRun(run))).toContain('10.5% (95 %: 6 to 15)')
    const few = await play([playback('ours', rounds.slice(0, 3))], [target], 3)
    expect(formatMarkdown(few)).toContain('| 2% (1 to 3) | met |')
  })

  test('says what is not available, and why', async () => {
    const run = await play([ours(), absent], [ratioTarget(2)])
    expect(formatReport(run)).toContain('not available: no pgbench here')
    expect(formatReport(run)).toContain('unmeasured')
    expect(formatMarkdown(run)).toContain('not available: no pgbench here')
  })

  test('is the same in colours but for the colours', async () => {
    const run = await play([ours(), theirs, playback('other', [{ errors: 3 }])], [ratioTarget(3)])
    const painted = formatReport(run, { color: true })
    expect(painted).not.toBe(formatReport(run))
    expect(stripVTControlCharacters(painted)).toBe(formatReport(run))
  })

  test('is the run itself as JSON', async () => {
    const run = await play([ours(), absent], [ratioTarget(2)])
    expect(JSON.parse(toJson(run))).toEqual(run)
    expect(toJson(run)).not.toContain('\n')
  })

  test('as Markdown has rows of equal length and escapes what would end a cell', async () => {
    const text = formatMarkdown(await play([playback('a|b', []), playback('<i>', [])]))
    expect(text).toContain('| a\\|b |')
    expect(text).toContain('| &lt;i> |')
    const bars = text.split('\n').filter((line) => line.startsWith('|'))
    expect(new Set(bars.map((line) => line.replaceAll('\\|', '').split('|').length)).size).toBe(1)
  })
})

describe('the check', () => {
  test('passes when all is met', async () => {
    const check = checkRun(await play([ours(), theirs], [ratioTarget(2)]))
    expect(check).toMatchObject({ passed: true, short: [], unmeasured: [] })
    expect(formatCheck(check)).toBe('')
  })

  test('names what falls short, with what was wanted and measured', async () => {
    const check = checkRun(await play([ours(49_074.075), theirs], [ratioTarget(2)]))
    expect(check.passed).toBe(false)
    expect(formatCheck(check)).toBe(
      'faster: twice as fast as pgbench: wanted >= 2x, measured 1.5x, short [architecture.md, 1]',
    )
  })

  test('does not pass in silence what could not be measured, unless told to', async () => {
    const run = await play([ours(), absent], [ratioTarget(2)])
    expect(checkRun(run).passed).toBe(false)
    expect(formatCheck(checkRun(run))).toContain('no pgbench here')
    expect(checkRun(run, { allowUnmeasured: true }).passed).toBe(true)
  })

  test('fails a target that was reached with failed calls', async () => {
    const check = checkRun(await play([ours(65_432.1, 1), theirs], [ratioTarget(2)]))
    expect(check.passed).toBe(false)
    expect(formatCheck(check)).toContain('3 calls of "ours" failed')
  })
})
