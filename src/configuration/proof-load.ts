import { type Contestant, pgbenchServer, pgbenchVersion, runPgbench } from '../bench/index.js'
import { pgbenchExecutable, runProgram } from '../bench/pgbench-command.js'
import { memoryRecords } from '../bench/scenarios/memory-records.js'
import { FleetError } from '../errors.js'
import { type Fleet, openFleet } from '../fleet.js'
import type { WorkloadKind } from './machine.js'

/** Work that a configuration is measured with. The server may be restarted between runs. */
export interface ProofLoad {
  readonly name: string
  /** Makes its data, once. */
  prepare(): Promise<void>
  /** Operations a second. */
  run(times: { readonly durationMs: number; readonly warmUpMs: number }): Promise<number>
  close(): Promise<void>
}

/** Rows of pgbench's accounts are 100,000 times this: 150 MB. */
const SCALE = 10
const CLIENTS = 8

/** What pgbench does: transfers, in analytics sums over all accounts, in a mixed workload one such sum in a hundred. */
const SCRIPTS: Readonly<Record<WorkloadKind, string>> = (() => {
  const transfer = `\\set aid random(1, 100000 * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
begin;
update pgbench_accounts set abalance = abalance + :delta where aid = :aid;
select abalance from pgbench_accounts where aid = :aid;
update pgbench_tellers set tbalance = tbalance + :delta where tid = :tid;
update pgbench_branches set bbalance = bbalance + :delta where bid = :bid;
insert into pgbench_history (tid, bid, aid, delta, mtime) values (:tid, :bid, :aid, :delta, current_timestamp);
end;
`
  const sums =
    'select a.bid, count(*), sum(a.abalance) from pgbench_accounts a group by a.bid, a.aid % 1000 order by 3 desc limit 10;\n'
  const mixed = `\\set sums random(1, 100)\n\\if :sums = 1\n${sums}\\endif\n${transfer}`
  return { oltp: transfer, vectors: transfer, mixed, analytics: sums }
})()

/** Which call of the product's own scenario is measured. */
const CONTESTANT = 'kv set, 18 callers'
const ROWS = 5000

/** pgbench, and the product's own bench; without pgbench on this machine the second alone. */
export async function proofLoads(url: string, workload: WorkloadKind, signal: AbortSignal): Promise<ProofLoad[]> {
  const ours = productLoad(url, signal)
  return (await pgbenchVersion(undefined, signal)) === null ? [ours] : [pgbenchLoad(url, workload, signal), ours]
}

function pgbenchLoad(url: string, workload: WorkloadKind, signal: AbortSignal): ProofLoad {
  return {
    name: 'pgbench',
    async prepare() {
      const server = pgbenchServer(url)
      const parameters = ['-i', '-q', '-s', String(SCALE), server.url]
      const exit = await runProgram(pgbenchExecutable(), parameters, server.password, signal)
      if (exit.status !== 0) throw new FleetError('BENCH_FAILED', { message: `pgbench -i: ${exit.stderr.slice(-500)}` })
    },
    async run(times) {
      const content = { name: 'pgbench', script: SCRIPTS[workload], url, callers: CLIENTS, variables: { scale: SCALE } }
      const outcome = await runPgbench(content, { ...times, signal })
      if ('unavailable' in outcome) throw new FleetError('BENCH_FAILED', { message: outcome.unavailable })
      return outcome.sample.throughput
    },
    async close() {},
  }
}

/** Key-values of the memory store, each commit durable: the scenario memory-records of `pgfleet bench`. */
function productLoad(url: string, signal: AbortSignal): ProofLoad {
  const subject = { url, cacheUrl: null, open: () => openFleet({ url }) }
  const options = { rounds: 1, warmUpMs: 0, durationMs: 1, rows: ROWS, callers: 18 }
  const context = { subject, options, signal, progress: () => {} }
  let opened: { readonly fleet: Fleet; readonly contestant: Contestant } | undefined
  return {
    name: 'memory-records',
    async prepare() {
      const state = await memoryRecords.setUp(context)
      const contestant = memoryRecords.contestants(context, state).find(({ name }) => name === CONTESTANT)
      if (contestant === undefined) throw new FleetError('BENCH_FAILED', { message: `no contestant "${CONTESTANT}"` })
      opened = { fleet: state.fleet, contestant }
    },
    async run(times) {
      if (opened === undefined) throw new FleetError('BENCH_FAILED', { message: 'the load was not prepared' })
      const { fleet, contestant } = opened
      await reconnected(fleet)
      const round = { ...times, round: 0, signal }
      await contestant.before?.(round)
      const outcome = await contestant.run(round)
      if ('unavailable' in outcome) throw new FleetError('BENCH_FAILED', { message: outcome.unavailable })
      return outcome.sample.throughput
    },
    async close() {
      await opened?.fleet.close()
    },
  }
}

/** Connections of before a restart end with the first call on them. */
async function reconnected(fleet: Fleet): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await fleet.database.lend((connection) => connection.query('select 1'))
      return
    } catch (error) {
      if (tries === 50) throw error
    }
  }
}
