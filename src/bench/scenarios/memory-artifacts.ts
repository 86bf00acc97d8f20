import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { statement } from '../../database/statement.js'
import type { Fleet, Tenant } from '../../fleet.js'
import { type Contestant, loadContestant } from '../contestant.js'
import { measure } from '../measure.js'
import type { Scenario, ScenarioContext } from '../scenario.js'
import type { Target } from '../target.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-artifacts'
const CALLERS = 18
const PIECE = 65_536
const MIB = 1024 * 1024
const SOURCE = 'speed list of the memory store'
const BARE = 'bare insert of 64 KiB random, 1 caller'

/** One key, no row-level security, no function: what the server itself asks for so many bytes. Stored as chunks are. */
const MAKE_BARE = `create schema if not exists pgfleet_bench;
  drop table if exists pgfleet_bench.pieces;
  create table pgfleet_bench.pieces (tenant_id text collate "C", piece_id uuid, data bytea not null, primary key (tenant_id, piece_id));
  alter table pgfleet_bench.pieces alter column data set storage external`
const INSERT_BARE = statement<unknown>(
  'bench.insert_piece',
  'insert into pgfleet_bench.pieces (tenant_id, piece_id, data) values ($1::text, $2::uuid, $3::bytea)',
)

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
}

const limit = (
  id: string,
  what: string,
  contestant: string,
  of: 'p50' | `figure.${string}`,
  value: number,
): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median', of, contestant },
  op: '<=',
  value,
  ...(of === 'p50' ? {} : { unit: 'MiB' }),
})

/** Artifacts of 64 KiB put and read by single calls, durable commits. */
export const memoryArtifacts: Scenario<BenchSubject, State> = {
  name: 'memory-artifacts',
  title: 'Memory store: artifacts',
  description:
    'Artifacts of 64 KiB, of random bytes and of text, put by single calls, every commit durable, beside a bare insert of such bytes ' +
    'into a table of one key.',
  options: { durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    limit(
      'put-random-p50',
      '64 KiB of random bytes stored, one caller, median',
      'put 64 KiB random, 1 caller',
      'p50',
      1,
    ),
    limit('put-text-p50', '64 KiB of text stored, one caller, median', 'put 64 KiB text, 1 caller', 'p50', 1),
  ],
  setUp,

  contestants(_, { fleet, tenant }) {
    const { artifacts } = tenant.memory
    const ids: string[] = []
    const put = (kind: 'random' | 'text', callers: number, rival?: string) =>
      loadContestant({
        name: `put 64 KiB ${kind}, ${callers} caller${callers === 1 ? '' : 's'}`,
        callers,
        ...(rival === undefined ? {} : { rival }),
        async operation(caller, signal) {
          const content = pieceOf(kind)
          ids.push((await artifacts.put({ name: `caller ${caller}`, content }, { signal })).id)
        },
      })
    return [
      loadContestant({
        name: BARE,
        callers: 1,
        async operation() {
          await fleet.database.run(INSERT_BARE, [TENANT, uuidv7(), pieceOf('random')])
        },
      }),
      put('random', 1, BARE),
      put('text', 1),
      put('random', CALLERS),
      put('text', CALLERS),
      loadContestant({
        name: `read 64 KiB, ${CALLERS} callers`,
        callers: CALLERS,
        async operation(_, signal) {
          const id = ids[Math.floor(Math.random() * ids.length)] as string
          for await (const _piece of artifacts.read(id, { signal }));
        },
      }),
    ]
  },

  tearDown,
}

/** A long artifact streamed in and out, and what memory that takes. A scenario of its own: a table that has just lost a GiB is another one. */
export const memoryArtifactStreams: Scenario<BenchSubject, State> = {
  name: 'memory-artifact-streams',
  title: 'Memory store: a long artifact',
  description:
    'One artifact of rows x 64 KiB (1 GiB) of random bytes streamed in and out. Memory is the resident set of this process: at its highest, ' +
    'and what it grew by from before.',
  options: { rows: 16_384, durationMs: 1000, warmUpMs: 0, rounds: 3 },
  targets: [
    limit(
      'stream-in-growth',
      '1 GiB streamed in: memory of this process, growth',
      'stream in',
      'figure.memoryGrowth',
      100,
    ),
    limit(
      'stream-out-growth',
      '1 GiB streamed out: memory of this process, growth',
      'stream out',
      'figure.memoryGrowth',
      100,
    ),
  ],
  setUp,

  contestants({ options }, { tenant }) {
    const { artifacts } = tenant.memory
    const bytes = options.rows * PIECE
    let long: string | undefined
    const stream = (name: string, operation: (signal: AbortSignal) => Promise<void>): Contestant => ({
      name,
      kind: 'pgfleet',
      callers: 1,
      async run({ signal }) {
        global.gc?.()
        const before = process.memoryUsage().rss
        let highest = before
        const watch = setInterval(() => {
          highest = Math.max(highest, process.memoryUsage().rss)
        }, 20)
        try {
          const sample = await measure(() => operation(signal), {
            callers: 1,
            durationMs: 1,
            overtimeMs: 600_000,
            signal,
          })
          const figures = {
            memoryGrowth: (highest - before) / MIB,
            memoryHighest: highest / MIB,
            mibPerSecond: bytes / MIB / sample.seconds,
          }
          return { sample: { ...sample, figures } }
        } finally {
          clearInterval(watch)
        }
      },
    })
    return [
      stream('stream in', async (signal) => {
        if (long !== undefined) await artifacts.delete(long)
        await artifacts.collectGarbage({ graceMs: 0 })
        long = (await artifacts.put({ name: 'long', content: randomStream(bytes), sizeMax: bytes }, { signal })).id
      }),
      stream('stream out', async (signal) => {
        let size = 0
        for await (const piece of artifacts.read(long as string, { signal })) size += piece.byteLength
        if (size !== bytes) throw new Error(`${size} bytes came back of ${bytes}`)
      }),
    ]
  },

  tearDown,
}

async function setUp({ subject }: ScenarioContext<BenchSubject>): Promise<State> {
  const fleet = await subject.open()
  await fleet.database.lend((connection) => connection.query(MAKE_BARE))
  await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
  const tenant = fleet.tenant(TENANT)
  for (let i = 0; i < 10; i++) {
    await tenant.memory.artifacts.put(
      Array.from({ length: 100 }, (_, n) => ({ name: `${n}`, content: pieceOf('text', 1000) })),
    )
  }
  await fleet.database.lend((connection) =>
    connection.query(
      'vacuum (analyze) memory.artifacts, memory.artifact_contents, memory.artifact_chunks, memory.artifact_names',
    ),
  )
  return { fleet, tenant }
}

async function tearDown(_: ScenarioContext<BenchSubject>, state: State | undefined): Promise<void> {
  if (state === undefined) return
  await state.fleet.database.lend((connection) => connection.query('drop schema if exists pgfleet_bench cascade'))
  const { artifacts } = state.tenant.memory
  for (
    let page = await artifacts.list({ limit: 1000 });
    page.length > 0;
    page = await artifacts.list({ limit: 1000 })
  ) {
    await artifacts.delete(page.map(({ id }) => id))
  }
  await artifacts.collectGarbage({ graceMs: 0, uploadGraceMs: 0, stepsMax: 100_000 })
  await state.fleet.close()
}

const WORDS =
  'the agent wrote a report about flaky tests and slow builds in which every run is told apart by number'.split(' ')
/** Where pieces are cut from, so that making them is not what is measured. */
const SOURCES = { random: randomBytes(8 * PIECE), text: wordsOf(8 * PIECE) }
let made = 0

/** A piece that nobody has stored before. */
function pieceOf(kind: 'random' | 'text', size = PIECE): Buffer {
  const start = Math.floor(Math.random() * 7 * PIECE)
  const piece = Buffer.from(SOURCES[kind].subarray(start, start + size))
  piece.write(`${process.pid}-${Date.now()}-${made++} `.slice(0, size), 'latin1')
  return piece
}

function wordsOf(size: number): Buffer {
  const words = Array.from({ length: size / 4 }, () => WORDS[Math.floor(Math.random() * WORDS.length)])
  return Buffer.from(words.join(' ').slice(0, size))
}

async function* randomStream(bytes: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < bytes; sent += PIECE) yield pieceOf('random', Math.min(PIECE, bytes - sent))
}
