// `pgfleet monitor --history` and `pgfleet monitor history`, as users run them.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolderWriter } from '../../../dist/monitoring/history/folder-writer.js'
import { createHistoryObserver } from '../../../dist/monitoring/history/history-observer.js'
import { runCli } from '../../cli/run-cli.js'
import { afterFile, createTestDatabase, onEngines } from '../../setup/index.js'
import { sample, snapshotOf } from './snapshots.js'

const root = await mkdtemp(join(tmpdir(), 'pgfleet-history-cli-'))
afterFile(() => rm(root, { recursive: true, force: true }))
const never = new AbortController().signal

/** Three hours, a snapshot a minute: 40 minutes ago sessions rose above 100, when work_mem was changed; a counter was reset. */
async function makeHistory(folder: string) {
  const now = Math.floor(Date.now() / 60_000) * 60_000
  const writer = await openFolderWriter(folder, { keepMs: 86_400_000 * 14 })
  let work_mem = '4MB'
  const observer = createHistoryObserver({
    writer,
    intervalMs: 60_000,
    readSettings: async () => [{ name: 'work_mem', value: work_mem }],
  })
  for (let ago = 180; ago >= 0; ago--) {
    if (ago > 100 && ago < 120) continue
    if (ago === 40) work_mem = '64MB'
    const samples = [
      sample('pg_stat_activity_count', { state: 'active', datname: 'a <b> "c"' }, ago <= 40 ? 150 : 20 + (ago % 7)),
      sample('pg_stat_activity_count', { state: 'idle' }, 3),
      sample('pg_stat_database_xact_commit', { datname: 'app' }, ago > 60 ? (180 - ago) * 600 : (60 - ago) * 60),
    ]
    await observer.observe(snapshotOf(new Date(now - ago * 60_000), samples), never)
  }
  await observer.close()
}

onEngines(['direct'], 'the command line is tried once').describe('monitor history', () => {
  const folder = join(root, 'made')
  const history = (...more: string[]) => runCli(root, ['monitor', 'history', ...more, '--history', folder])

  test('a made history is listed, drawn at 80 columns, and answers since when', { timeout: 60_000 }, async () => {
    await makeHistory(folder)
    const listed = await history()
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('pg_stat_database_xact_commit') })

    const shown = await history('pg_stat_activity_count', '--labels', 'state=active', '--from', '3h', '--buckets', '3')
    expect(shown.code).toBe(0)
    for (const text of ['█', '▁', 'max 150', '150', 'gap', 'setting', 'work_mem: 4MB → 64MB', 'S'])
      expect(shown.stdout).toContain(text)
    for (const line of shown.stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80)

    const since = await history('pg_stat_activity_count', '--since-when', '> 100')
    expect(since).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 2 series') })
    for (const text of ['for 40 min; before it was 26', 'work_mem: 4MB → 64MB', 'Not so: 3'])
      expect(since.stdout).toContain(text)
    expect(await history('pg_stat_activity_count', '--since-when', '> 1000')).toMatchObject({ code: 1 })

    const json = JSON.parse((await history('pg_stat_database_xact_commit', '--json')).stdout)
    expect(json.series[0].resets).toHaveLength(1)
    const rates: (number | null)[] = json.series[0].perSecond
    expect(rates.filter((rate) => rate === null)).toHaveLength(3)
    expect(new Set(rates)).toEqual(new Set([null, 10, 1]))
  })

  test('lines of CSV, a picture, and what is wrong', { timeout: 60_000 }, async () => {
    const csv = await history('pg_stat_activity_count', '--labels', 'state=active', '--csv')
    const [head, first] = csv.stdout.split('\n')
    expect(head).toBe('at,series,value')
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z,"\{state=""active"",datname=""a <b> \\""c\\""""\}",\d+$/)
    expect(await history('pg_stat_activity_count', '--svg', join(root, 'out.svg'))).toMatchObject({ code: 0 })
    expect(await readFile(join(root, 'out.svg'), 'utf8')).toMatch(/^<svg[\s\S]*&lt;b&gt;[\s\S]*<\/svg>\n$/)
    expect(await history('no_such_metric')).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing of it') })
    expect(await history('pg_stat_activity_count', '--since-when', 'high')).toMatchObject({ code: 2 })
    expect(await history('--csv')).toMatchObject({ code: 2, stderr: expect.stringContaining('metric') })
    expect(await runCli(root, ['monitor', 'history', '--history', join(root, 'nowhere')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('HISTORY_UNKNOWN'),
    })
  })

  test('a monitor keeps snapshots and open alerts in its own database, or in a folder', {
    timeout: 90_000,
  }, async () => {
    const database = await createTestDatabase()
    const url = database.adminUrl()
    const watch = (...more: string[]) =>
      runCli(
        root,
        ['monitor', '--url', url, '--listen', '127.0.0.1:0', '--interval', '1s', '--history-interval', '1s', ...more],
        {
          interrupt: { after: 'Watching', milliseconds: 4000 },
        },
      )
    const place = join(root, 'watched')
    const [own, other] = [await watch('--webhook', 'http://127.0.0.1:1/'), await watch('--history', place)]
    expect([own.code, other.code]).toEqual([130, 130])
    expect(await readdir(place)).toEqual(['alerts.json', expect.stringMatching(/^history-000001-/)])
    for (const where of [
      ['--url', url],
      ['--history', place],
    ]) {
      const kept = JSON.parse(
        (await runCli(root, ['monitor', 'history', 'pg_up', '--from', '1h', '--json', ...where])).stdout,
      )
      expect(kept.series[0].values.length).toBeGreaterThanOrEqual(2)
      expect(new Set(kept.series[0].values)).toEqual(new Set([1]))
      const listed = JSON.parse((await runCli(root, ['monitor', 'history', '--json', ...where])).stdout)
      expect(listed.metrics.length).toBeGreaterThan(100)
      // The extension of statements is not in this database, so a source is due to be told of.
      const open = JSON.parse((await runCli(root, ['monitor', 'alerts', '--json', ...where])).stdout)
      expect(open).toMatchObject([{ rule: 'collection-failing', state: 'pending', labels: { source: 'statements' } }])
    }
    // A stranger's database keeps none by itself, and the monitor says how.
    const stranger = await createTestDatabase({ migrated: false })
    const said = await runCli(
      root,
      ['monitor', '--url', stranger.adminUrl(), '--listen', '127.0.0.1:0', '--interval', '1s'],
      {
        interrupt: { after: 'Watching', milliseconds: 3000 },
      },
    )
    expect(said.stderr).toContain('--history DIR')
  })
})
