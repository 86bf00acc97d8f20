import { homedir, hostname, userInfo } from 'node:os'
import { type Queryable, readMachine } from 'pgfleet/bench'
import { expect, test } from 'vitest'

test('the record tells machine, programs and settings, and no names or paths', async () => {
  const database: Queryable = {
    async query(_text, values) {
      const names = values?.[0] as string[]
      const shown: Record<string, string> = {
        shared_preload_libraries: '$libdir/pg_stat_statements, /opt/secret/own',
        server_version: '17.11',
      }
      return { rows: names.map((name) => ({ name, setting: shown[name] ?? 'on' })) }
    },
  }
  const record = await readMachine(database)
  expect(record.cores).toBeGreaterThan(0)
  expect(record.node).toBe(process.version)
  expect(record.postgres?.version).toBe('17.11')
  expect(record.postgres?.settings).toMatchObject({
    shared_preload_libraries: 'pg_stat_statements, own',
    fsync: 'on',
    jit: 'on',
  })
  const text = JSON.stringify(record)
  for (const name of [hostname(), homedir(), `"${userInfo().username}"`, process.cwd()])
    expect(text).not.toContain(name)
})

test('without a database the record has no server', async () => {
  expect((await readMachine()).postgres).toBeNull()
})
