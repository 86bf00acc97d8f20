import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** A scratch database with a thousand tables and five thousand indexes, whose statements are in pg_stat_statements. */
export interface CrowdedDatabase {
  readonly url: string
  /** Writes to some tables, so that there is something new to see. */
  stir(): Promise<void>
  /** Drops it. */
  drop(): Promise<void>
}

export const TABLES = 1000
/** With the primary key. */
const INDEXES_A_TABLE = 5
/** How many tables one transaction makes: each takes locks for itself and its indexes. */
const TABLES_A_STEP = 50

/** What is asked of each table: as many entries of pg_stat_statements. */
const STATEMENTS = [
  (table: string) => `select * from ${table} where id = 1`,
  (table: string) => `select count(*) from ${table}`,
  (table: string) => `update ${table} set c = c + 1 where id = 2`,
  (table: string) => `select a, b from ${table} where a > 5 order by b limit 3`,
  (table: string) => `insert into ${table} (id, a, b, c, d) values (100, 1, 1, 1, 1) on conflict do nothing`,
]

/** Makes it on the server of the url, whose login may create databases; dropped when it cannot be filled. */
export async function createCrowdedDatabase(
  server: string,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<CrowdedDatabase> {
  const name = `pgfleet_bench_${randomBytes(6).toString('hex')}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const asServer = (text: string) => withClient(server, (client) => client.query(text))
  await asServer(`create database ${name}`)
  const drop = async () => void (await asServer(`drop database if exists ${name} with (force)`))
  try {
    await withClient(url.href, async (client) => {
      for (const extension of ['pg_stat_statements', 'pg_buffercache'])
        await client.query(`create extension if not exists ${extension}`).catch(() => {})
      for (let first = 1; first <= TABLES; first += TABLES_A_STEP) {
        signal.throwIfAborted()
        progress(`making tables: ${first - 1} of ${TABLES}`)
        const tables = Array.from({ length: TABLES_A_STEP }, (_, n) => `t${first + n}`)
        await client.query(tables.map(tableText).join(';'))
        await client.query(tables.flatMap((table) => STATEMENTS.map((statement) => statement(table))).join(';'))
      }
      await client.query('analyze')
    })
  } catch (error) {
    await drop()
    throw error
  }
  const stir = () =>
    withClient(url.href, async (client) => {
      const tables = Array.from({ length: 100 }, (_, n) => `t${1 + ((n * 7) % TABLES)}`)
      await client.query(tables.flatMap((table) => STATEMENTS.map((statement) => statement(table))).join(';'))
    })
  return { url: url.href, stir, drop }
}

function tableText(table: string): string {
  const indexes = ['a', 'b', 'c', 'd'].slice(0, INDEXES_A_TABLE - 1)
  return [
    `create table ${table} (id int primary key, a int, b int, c int, d int)`,
    ...indexes.map((column) => `create index on ${table} (${column})`),
    `insert into ${table} select n, n, n, n, n from generate_series(1, 20) n`,
  ].join(';')
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
