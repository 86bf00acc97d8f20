// Run by failures.test.ts in a process of its own, which ends by itself only when no error was left unhandled: calls of
// every kind, while the connections of the fleet are ended at random moments. Arguments: the url of the fleet, the url of
// a superuser past the pooler, and how long, in milliseconds.
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openFleet } from 'pgfleet'

const [url, adminUrl, milliseconds] = process.argv.slice(2)
const fleet = await openFleet({ url, poolMax: 4 })
await fleet.tenants.create({ id: 'lost' })
const tenant = fleet.tenant('lost')
const admin = new pg.Client({ connectionString: adminUrl })
await admin.connect()
const counts = { calls: 0, failed: 0, ended: 0 }
const codes = new Set()
const until = performance.now() + Number(milliseconds)
const soon = (most) => sleep(Math.random() * most)

const kinds = [
  () => tenant.learning.agentTypes.list(),
  () => tenant.learning.learn({ agentType: 'quality-gate', state: 's', action: 'go', reward: 1 }),
  () =>
    tenant.learning.learn({ agentType: 'quality-gate', state: 's', action: 'go', reward: 1 }, { durability: 'async' }),
  () => fleet.database.run({ name: 'lost.wait', text: 'select pg_sleep($1::float8)' }, [Math.random() / 50]),
  () =>
    tenant.transaction(async (tx) => {
      await tx.learning.agentTypes.list()
      await soon(20)
      await Promise.all([tx.learning.agentTypes.list(), tx.learning.agentTypes.list()])
    }),
  () =>
    fleet.database.lend(async (connection) => {
      await connection.query('select 1')
      await soon(20)
      await Promise.all([1, 2, 3].map((n) => connection.query('select $1::integer, pg_sleep(0.002)', [n])))
    }),
  // What the callback makes of the error is its own affair.
  () => fleet.database.lend((connection) => connection.query('select pg_sleep(0.01)').catch(() => soon(20))),
]

async function call() {
  while (performance.now() < until) {
    counts.calls++
    await kinds[Math.floor(Math.random() * kinds.length)]().catch((error) => {
      counts.failed++
      codes.add(error.code ?? String(error))
    })
    // At times the connections lie idle; at times the process is busy while its connections end.
    if (Math.random() < 0.1) await soon(60)
    else if (Math.random() < 0.05) for (const end = performance.now() + 30; performance.now() < end; );
  }
}

async function end() {
  while (performance.now() < until) {
    const { rowCount } = await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and random() < 0.3`,
    )
    counts.ended += rowCount
    await soon(15)
  }
}

await Promise.all([end(), ...Array.from({ length: 8 }, call)])
await admin.end()
// Nothing of it is left behind.
await tenant.learning.agentTypes.list()
await fleet.close()
process.stdout.write(JSON.stringify({ ...counts, codes: [...codes].sort() }))
