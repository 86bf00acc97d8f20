// pgfleet doctor --prove-tenancy: what it proves, what it finds, and what it does not claim.
import { expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, startPooler, startServer } from './scratch-server.js'

const DIRECT = await onScratchServers()

const SCHEMA = `
  create table notes (tenant text not null, id int not null, body text, primary key (tenant, id)) partition by hash (tenant);
  create table notes_0 partition of notes for values with (modulus 2, remainder 0);
  create table notes_1 partition of notes for values with (modulus 2, remainder 1);
  insert into notes select case when i % 3 = 0 then 'acme' else 'globex' end, i, 'x' from generate_series(1, 3000) i;
  create view good with (security_invoker = true) as select * from notes;
  create function mine() returns setof notes language plpgsql stable as 'begin return query select * from public.notes; end';
  alter table notes enable row level security, force row level security;
  create policy p on notes using (tenant = (select nullif(current_setting('app.tenant', true), '')));
  create role app login password 'app';
  grant select on notes, good to app;
  analyze`

DIRECT.describe('prove-tenancy', () => {
  test('proves what holds, finds what leaks, and claims nothing else', async () => {
    const server = await startServer(17)
    const pooler = await startPooler(server)
    const admin = await server.client()
    await admin.query(SCHEMA)
    const prove = async (pooledUrl: string, more: readonly string[] = []) => {
      const { code, stdout, stderr } = await runCli(process.cwd(), [
        ...['doctor', server.url, '--prove-tenancy', '--pooled-url', pooledUrl, '--json', '--transactions', '2000'],
        ...more,
      ])
      return { code, stderr, proof: stdout === '' ? undefined : JSON.parse(stdout) }
    }
    const app = { user: 'app', password: 'app' }

    const isolated = await prove(pooler.urlOf(app))
    expect(isolated.proof).toMatchObject({
      outcome: 'isolated',
      tenants: ['globex', 'acme'],
      login: 'app',
      backends: 1,
    })
    expect(isolated.code).toBe(0)
    expect(isolated.proof.handovers).toBeGreaterThan(100)
    expect(isolated.proof.transactions).toBeGreaterThanOrEqual(2000)
    const outcomes = Object.fromEntries(
      isolated.proof.targets.map((target: { relation: string; outcome: string }) => [target.relation, target.outcome]),
    )
    expect(outcomes).toEqual({
      'public.notes': 'isolated',
      'public.good': 'isolated',
      'public.mine()': 'isolated',
      'public.notes_0': 'closed',
      'public.notes_1': 'closed',
    })
    expect(isolated.proof.overhead).toMatchObject({ relation: 'public.notes', rounds: 20 })
    expect(isolated.proof.overhead.low).toBeLessThanOrEqual(isolated.proof.overhead.high)

    // Past the pooler nobody hands a connection on: nothing is proven.
    const direct = await prove(server.urlOf(app))
    expect(direct).toMatchObject({
      code: 1,
      proof: { outcome: 'inconclusive', handovers: 0, reason: expect.stringContaining('never handed') },
    })

    await admin.query(`create view bad as select * from notes; grant select on bad, notes_1 to app`)
    const leaky = await prove(pooler.urlOf(app))
    expect(leaky).toMatchObject({ code: 1, proof: { outcome: 'leaks' } })
    expect(
      leaky.proof.targets
        .filter(({ outcome }: { outcome: string }) => outcome === 'leaks')
        .map(({ relation }: { relation: string }) => relation)
        .toSorted(),
    ).toEqual(['public.bad', 'public.notes_1'])

    // A superuser, as an application that logs in as postgres.
    const superuser = await prove(pooler.urlOf({}))
    expect(superuser).toMatchObject({ code: 1, proof: { outcome: 'leaks', login: 'postgres' } })

    expect((await prove(pooler.urlOf(app), ['--tenants', 'acme', 'nobody'])).code).toBe(1)
    expect((await prove(pooler.urlOf(app), ['--tenants', 'acme'])).code).toBe(2)
    expect((await prove(pooler.urlOf({ ...app, database: 'none' }))).code).toBe(2)
  })
})
