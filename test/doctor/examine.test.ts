// An examination stands in nobody's way, and what stands in its way costs it one check.
import { expect, test } from 'vitest'
import { type Check, defineCheck, ORDER } from '../../dist/doctor/check.js'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import { onScratchServers, startServer } from './scratch-server.js'
import { diagnose, resultOf } from './support.js'

const DIRECT = await onScratchServers()

const check = (id: string, sql: string, more: Partial<Check> = {}): Check =>
  defineCheck({
    id,
    title: id,
    area: 'operations',
    level: 'info',
    order: ORDER.advice,
    scope: 'things',
    absent: 'there are none',
    why: '',
    when: '',
    advice: '',
    sql,
    evaluate: () => [],
    ...more,
  })

const FINE = `select 1 as total, 1 as examined, '[]'::jsonb as found`
const fine = check('fine', FINE)

DIRECT.describe('an examination', () => {
  test('goes on when one check is slow, refused, cut off, or has nothing to look at', async () => {
    const server = await startServer(17)
    const checks = [
      check('slow', `select 1 as total, 1 as examined, (select '[]'::jsonb from pg_sleep(60)) as found`),
      check('refused', `select 1 as total, 1 as examined, (select jsonb_agg(rolpassword) from pg_authid) as found`, {
        needs: { rights: 'a superuser' },
      }),
      check('writes', `select 1 as total, 1 as examined, (select to_jsonb(setval('s', 1))) as found`),
      check('cut', `select 1 as total, 1 as examined, to_jsonb(pg_terminate_backend(pg_backend_pid())) as found`),
      check('absent', `select 0 as total, 0 as examined, null::jsonb as found`),
      check('blind', `select 5 as total, 0 as examined, null::jsonb as found`),
      check('partly', `select 5 as total, 2 as examined, null::jsonb as found`),
      check('newer', FINE, { versions: { from: 99 } }),
      fine,
    ]
    const client = await server.client()
    await client.query(`create sequence public.s; create role plain login password 'plain'`)
    const found = await diagnose(server.urlOf({ user: 'plain', password: 'plain' }), { checks, timeoutMs: 500 })
    expect(found.results.map(({ check: id, outcome }) => [id, outcome])).toEqual([
      ['slow', 'could-not-look'],
      ['refused', 'could-not-look'],
      ['writes', 'could-not-look'],
      ['cut', 'could-not-look'],
      ['absent', 'not-applicable'],
      ['blind', 'could-not-look'],
      ['partly', 'ok'],
      ['newer', 'not-applicable'],
      ['fine', 'ok'],
    ])
    expect(resultOf(found, 'slow').reason).toContain('--timeout')
    expect(resultOf(found, 'refused').reason).toContain('needs a superuser')
    expect(resultOf(found, 'cut').reason).toContain('connection was lost')
    expect(resultOf(found, 'partly')).toMatchObject({ examined: 2, total: 5, reason: expect.any(String) })
    const cut = check(
      'cut',
      `select 1 as total, 1 as examined, to_jsonb(pg_terminate_backend(pg_backend_pid())) as found`,
    )
    await expect(diagnose(server.url, { checks: [cut, cut, cut, fine] })).rejects.toMatchObject({
      code: 'DATABASE_UNEXAMINED',
    })
    const gone = diagnose(server.url, { checks: [cut, fine], signal: AbortSignal.abort() })
    await expect(gone).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('waits for nobody, and nobody waits for it', async () => {
    const server = await startServer(17)
    const [holder, watcher] = [await server.client(), await server.client()]
    await holder.query(`create table t (at date, id int) partition by range (at);
      create table t_1 partition of t for values from ('2020-01-01') to ('2099-01-01'); create index on t (id);
      create view v as select * from t; create sequence s`)
    await holder.query('begin; lock table t, t_1 in access exclusive mode; alter sequence s restart')
    const waits: number[] = []
    const watching = setInterval(() => {
      watcher
        .query<{ n: number }>(
          `select count(*)::int as n from pg_stat_activity where pid <> pg_backend_pid() and application_name <> 'pgfleet doctor' and wait_event_type = 'Lock'`,
        )
        .then(
          ({ rows }) => waits.push(rows[0]?.n ?? 0),
          () => {},
        )
    }, 20)
    const found = await diagnose(server.url)
    clearInterval(watching)
    expect(found.results).toHaveLength(
      CHECKS.filter(({ depth, source }) => depth === undefined && source === undefined).length,
    )
    const blind = found.results.filter(
      ({ outcome, reason }) => outcome === 'could-not-look' && !reason?.includes('--memory'),
    )
    for (const { reason } of blind) expect(reason).toBe('another session holds a lock on what it reads')
    expect(waits.every((n) => n === 0)).toBe(true)
    await holder.query('rollback')
  })

  test('samples, and stays within the budget of its depth', async () => {
    const server = await startServer(17, { settings: { shared_preload_libraries: 'pg_stat_statements' } })
    const client = await server.client()
    await client.query(
      'create extension pg_stat_statements; create table t as select i from generate_series(1, 10000) i',
    )
    const slow = check(
      'slow-probe',
      `select 3 as total, 3 as examined, '[{"n": 1}, {"n": 2}, {"n": 3}]'::jsonb as found`,
      {
        depth: 'deep',
        probe: () => ({ text: 'select pg_sleep(0.4)', values: [] }),
      },
    )
    let done = false
    const busy = (async () => {
      while (!done) await client.query('select count(*) from t a where i > $1', [1])
    })()
    const found = await diagnose(server.url, {
      checks: [...CHECKS, slow],
      sampleMs: 1500,
      budgetMs: 700,
      thresholds: { statementMs: 0 },
    })
    done = true
    await busy
    expect(resultOf(found, 'slow-probe')).toMatchObject({ total: 3, reason: expect.stringMatching(/budget|too long/) })
    expect(resultOf(found, 'slow-probe').examined).toBeLessThan(3)
    expect(resultOf(found, 'statement-load').findings.map(({ evidence }) => evidence[0])).toContain(
      'select count(*) from t a where i > $1',
    )
  })
})
