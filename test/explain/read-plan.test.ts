import fc from 'fast-check'
import pg from 'pg'
import { openDatabase } from 'pgfleet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodesOf, type Plan, type PlanNode } from '../../dist/explain/plan.js'
import { readPlan } from '../../dist/explain/read.js'
import { availableMajors, startServer } from '../doctor/scratch-server.js'
import { createTestDatabase, engine } from '../setup/index.js'
import { QUERIES, SETTINGS, TABLES } from './queries.js'

// The same statement explained twice, as JSON and as text: both readers have to see one tree. Other majors than that of
// the run are started on the engine "direct" where the machine has them; TEST_SERVERS names more, urls with commas between.
const database = await createTestDatabase({ migrated: false })
const urls = [...(process.env.TEST_SERVERS ?? '').split(',').filter(Boolean)]
const majors = engine === 'direct' ? (await availableMajors()).majors.filter((major) => major !== 17) : []

/** What differs between two runs, and what JSON tells and text does not. */
const VARYING =
  /Blocks$|Time$|^WAL |Memory|^Sort Space|^Maximum Storage|^Disk Usage|Buckets|Batches|^Workers Launched$|^(Inner Unique|Cache Mode|Single Copy|Async)|^Full-sort|^Pre-sorted|^Sort Method|Planned Partitions|Sort Methods|^(Group|Hash) Key|^Storage|^Window|^Key$|^Estimates|^Output|^Function Call|^Table Function Call|^Rows Removed by|Estimated|Capacity|Hit Percent|Distinct|^(Tuples|Conflicting)/

function comparable(node: PlanNode, isAnalyzed: boolean): unknown {
  const {
    type,
    relation,
    schema,
    alias,
    index,
    joinType,
    strategy,
    partialMode,
    operation,
    subplan,
    isParallel,
    isBackward,
  } = node
  const details = [...node.details]
    .filter(([name]) => !VARYING.test(name))
    .map(([name, value]) => [name, String(value)])
  return {
    names: {
      type,
      relation,
      schema,
      alias,
      index,
      joinType,
      strategy,
      partialMode,
      operation,
      subplan,
      isParallel,
      isBackward,
    },
    // A statement that writes leaves dead rows behind, which the next estimate sees.
    estimates: isAnalyzed ? [] : [node.startupCost, node.totalCost, node.planRows, node.planWidth],
    // Which worker did how much is chance.
    ...(isAnalyzed
      ? { actual: node.actual && [node.actual.rows * node.actual.loops > 0], never: node.isNeverExecuted }
      : {}),
    details: details.sort(),
    children: node.children.map((child) => comparable(child, isAnalyzed)),
  }
}

type Run = (statement: string) => Promise<{ rows: Record<string, unknown>[] }>

async function bothForms(run: Run, query: string, settings: readonly string[], options: string): Promise<[Plan, Plan]> {
  const explain = async (format: string) => {
    await run('begin')
    try {
      for (const setting of settings) await run(`set local ${setting}`)
      const { rows } = await run(`explain (${options}, format ${format}) ${query}`)
      return rows.map((row) => row['QUERY PLAN'])
    } finally {
      await run('rollback')
    }
  }
  const [json] = await explain('json')
  const text = (await explain('text')).join('\n')
  return [readPlan(JSON.stringify(json)), readPlan(text)]
}

const ESTIMATES = 'verbose off, settings'
const TIMED = 'analyze, buffers, verbose off'

function compare([json, text]: readonly [Plan, Plan], isAnalyzed: boolean) {
  expect(comparable(text.root, isAnalyzed)).toEqual(comparable(json.root, isAnalyzed))
  expect([...text.settings]).toEqual([...json.settings])
  expect(nodesOf(text).map(({ id }) => id)).toEqual(nodesOf(json).map(({ id }) => id))
  if (isAnalyzed) expect([text.planningMs, text.executionMs].every((ms) => ms !== undefined)).toBe(true)
}

describe.each([undefined, ...urls, ...majors])('on %s', (place) => {
  let run: Run
  let end: () => Promise<void>

  beforeAll(async () => {
    if (place === undefined) {
      // A connection of its own through the engine of the run, kept until the end.
      const opened = await openDatabase({ ...database.options, poolMax: 1 })
      let release = () => {}
      const done = new Promise<void>((resolve) => {
        release = resolve
      })
      run = await new Promise<Run>((resolve, reject) => {
        opened
          .lend(async (connection) => {
            resolve((statement) => connection.query(statement))
            await done
          })
          .catch(reject)
      })
      end = async () => {
        release()
        await opened.close()
      }
    } else {
      const client = new pg.Client(typeof place === 'number' ? (await startServer(place)).url : place)
      await client.connect()
      run = (statement) => client.query(statement)
      await run('create schema explained')
      await run('set search_path = explained')
      end = async () => {
        await run('drop schema explained cascade')
        await client.end()
      }
    }
    for (const statement of TABLES) await run(statement)
  })
  afterAll(() => end())

  test.each(QUERIES)('one tree of %s', async (query) => {
    // A build without libxml has no xmltable.
    if (query.includes('xmltable') && (await run("select 1 from pg_proc where prosrc = 'xml_in'")).rows.length === 0)
      return
    for (const settings of SETTINGS) {
      compare(await bothForms(run, query, settings, ESTIMATES), false)
      compare(await bothForms(run, query, settings, TIMED), true)
    }
  })

  test('one tree of statements put together at random', async () => {
    const column = fc.constantFrom('id', 'name', 'city', 'born', 'boss')
    const source = fc.constantFrom(
      'people',
      '(select * from people where id < 500) s',
      '(select distinct on (city) * from people order by city, id) s',
    )
    const statement = fc
      .record({
        source,
        column,
        other: column,
        order: fc.option(column),
        limit: fc.option(fc.nat(50)),
        join: fc.constantFrom('', 'join', 'left join', 'full join'),
        low: fc.nat(3000),
      })
      .map(({ source: from, column: one, other, order, limit, join, low }) => {
        const joined = join === '' ? '' : ` ${join} "Orders, all" o on o.person = x.id`
        return `select x.${one}, max(x.${other}) from (select * from ${from}) x${joined} where x.id > ${low} group by x.${one}${order === null ? '' : ' order by 2'}${limit === null ? '' : ` limit ${limit}`}`
      })
    await fc.assert(
      fc.asyncProperty(statement, fc.constantFrom(...SETTINGS), async (query, settings) => {
        compare(await bothForms(run, query, settings, ESTIMATES), false)
      }),
      { numRuns: 60 },
    )
  })
})
