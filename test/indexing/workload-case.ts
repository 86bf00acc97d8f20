// A case of the corpus: what is there, what is asked, and what has to be advised.
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { connect } from '../../dist/doctor/connection.js'
import type { IndexAdvice } from '../../dist/indexing/advice.js'
import { adviseIndexes } from '../../dist/indexing/advise.js'
import { parseWorkload } from '../../dist/indexing/workload-file.js'
import { loadParser } from '../../dist/lint/sql/parser.js'

/** What is expected of a case: exactly these, where the order does not matter. */
export interface Expectation {
  readonly create: readonly string[]
  readonly drop: readonly string[]
  readonly kept: readonly string[]
  readonly hot: readonly string[]
  readonly invalid: readonly string[]
}

/** A case of the corpus. */
export interface WorkloadCase {
  readonly name: string
  /** Its schema in the database of the corpus. */
  readonly schema: string
  readonly setup: string
  readonly vacuum: readonly string[]
  readonly workload: string
  readonly expected: Expectation
  /** Beginnings of notes that have to be there. */
  readonly notes: readonly string[]
}

const FOLDER = fileURLToPath(new URL('corpus/', import.meta.url))

/** All cases, by name. `role` stands for the login `app` of workloads. */
export async function readCorpus(role: string): Promise<WorkloadCase[]> {
  const names = (await readdir(FOLDER)).sort().map((file) => file.replace(/\.sql$/, ''))
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${FOLDER}${name}.sql`, 'utf8')
      const [setup = '', workload = ''] = text.split('-- workload\n')
      const said = (word: string) =>
        [...setup.matchAll(new RegExp(`^-- ${word}: (.*)$`, 'gm'))].map(([, what = '']) => what)
      const [create, drop, kept, hot, invalid] = ['create', 'drop', 'kept', 'hot', 'invalid'].map(said) as [
        string[],
        string[],
        string[],
        string[],
        string[],
      ]
      return {
        name,
        schema: `case_${name.replaceAll('-', '_')}`,
        setup,
        vacuum: said('vacuum'),
        workload: workload.replace('role: app', `role: ${role}`),
        expected: { create: create.sort(), drop, kept, hot, invalid },
        notes: said('note'),
      }
    }),
  )
}

/** Makes the tables of a case, in a schema of their own. */
export async function prepare(client: pg.Client, { schema, setup, vacuum }: WorkloadCase, role: string): Promise<void> {
  await client.query(`create schema ${schema}; set search_path = ${schema}, public; ${setup}`)
  const { rows } = await client.query<{ name: string; kind: string }>(
    `select oid::regclass::text as name, relkind as kind from pg_class where relnamespace = '${schema}'::regnamespace and relkind in ('r', 'p')`,
  )
  // What is all visible is worth an index that covers: the case says which tables are, not how long it takes.
  for (const { name, kind } of rows)
    if (kind === 'r') await client.query(`alter table ${name} set (autovacuum_enabled = false)`)
  for (const table of vacuum) await client.query(`vacuum (analyze) ${table}`)
  await client.query(
    `grant usage on schema ${schema} to ${role}; grant select on all tables in schema ${schema} to ${role}`,
  )
  for (const { name } of rows) await client.query(`analyze ${name}`)
}

/** The advice on a case. */
export async function adviseOn(
  url: string,
  { schema, workload, name }: Pick<WorkloadCase, 'schema' | 'workload' | 'name'>,
): Promise<IndexAdvice> {
  await loadParser()
  return await adviseIndexes(() => connect(url, 60_000), {
    workload: parseWorkload(workload, name),
    schemas: [schema],
    windowSeconds: 0,
  })
}

/** What was advised, as a case expects it. */
export function outcomeOf({ create, drop, hot, invalid }: IndexAdvice, schema: string): Expectation {
  const bare = (text: string) => text.replace(`${schema}.`, '')
  return {
    create: create.map(({ index }) => bare(index)).sort(),
    drop: drop.filter(({ keptBecause }) => keptBecause === null).map(({ index }) => bare(index)),
    kept: drop.filter(({ keptBecause }) => keptBecause !== null).map(({ index }) => bare(index)),
    hot: hot.map(({ index, columns }) => `${bare(index)} (${columns.join(', ')})`),
    invalid: invalid.map(({ index }) => bare(index)),
  }
}
