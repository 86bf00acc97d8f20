import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FleetError } from '../../errors.js'
import type { Contestant, RoundContext } from '../contestant.js'
import { pgbenchServer, runProgram } from '../pgbench-command.js'

/** Rows that psql's \copy brings into a table. */
export interface CopyContestantContent {
  readonly name: string
  readonly connections: number
  /** The server, past any pooler; null makes the contestant unavailable. */
  readonly url: string | null
  /** Table and columns: `memory.events (tenant_id, event_id)`. */
  readonly into: string
  /** A row in COPY's text format, without the newline; new ones every time. */
  row(n: number): string
  /** Rows of each connection for a second of the round. */
  readonly rowsPerSecond: number
}

/**
 * A contestant that loads files by `psql -c '\copy …'`, all connections at once: the quickest way that PostgreSQL has. The
 * files are written before the clock starts; starting psql and connecting counts.
 */
export function copyContestant(content: CopyContestantContent): Contestant {
  const { name, connections, url } = content
  let folder: string | undefined
  let rows = 0
  let numbered = 0
  const write = async (context: RoundContext) => {
    folder = await mkdtemp(join(tmpdir(), 'pgfleet-copy-'))
    rows = Math.ceil((content.rowsPerSecond * context.durationMs) / 1000)
    for (let connection = 0; connection < connections; connection++) {
      const file = await open(join(folder, `${connection}.tsv`), 'w')
      for (let first = 0; first < rows; first += 10_000) {
        const lines = Array.from({ length: Math.min(10_000, rows - first) }, () => content.row(numbered++))
        await file.write(`${lines.join('\n')}\n`)
      }
      await file.close()
    }
    return folder
  }
  return {
    name,
    kind: 'pgbench',
    callers: connections,
    async run(context) {
      if (url === null) return { unavailable: 'psql needs a server, and this run has none it could reach' }
      const program = process.env.PSQL || 'psql'
      const server = pgbenchServer(url)
      const files = await write(context)
      try {
        const started = performance.now()
        const exits = await Promise.all(
          Array.from({ length: connections }, (_, connection) =>
            runProgram(
              program,
              [
                '-X',
                '-q',
                '-v',
                'ON_ERROR_STOP=1',
                '-c',
                `\\copy ${content.into} from '${join(files, `${connection}.tsv`)}'`,
                server.url,
              ],
              server.password,
              context.signal,
            ),
          ),
        )
        const seconds = (performance.now() - started) / 1000
        const failed = exits.find(({ status }) => status !== 0)
        if (failed !== undefined) {
          throw new FleetError('BENCH_FAILED', {
            message: `psql ended with status ${failed.status}: ${failed.stderr.slice(0, 500)}`,
          })
        }
        const operations = rows * connections
        const none = { mean: null, p50: null, p95: null, p99: null, max: null, rss: null }
        return {
          sample: {
            ...none,
            operations,
            itemsPerOperation: 1,
            seconds,
            throughput: operations / seconds,
            errors: 0,
            firstError: null,
            figures: {},
          },
        }
      } catch (error) {
        if (error instanceof FleetError) throw error
        return { unavailable: `the program psql could not be started (${String(error)}); set PSQL to its path` }
      } finally {
        await rm(files, { recursive: true, force: true })
      }
    },
  }
}
