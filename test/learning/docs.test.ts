import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { sql, useFleet } from './support.js'

const fleet = useFleet()

test('the SQL of docs/learning.md runs, one statement after the other', async () => {
  const text = await readFile(new URL('../../docs/learning.md', import.meta.url), 'utf8')
  const statements = [...text.matchAll(/```sql\n([\s\S]*?)```/g)].flatMap(([, block]) => block?.split(/;\n/) ?? [])
  await fleet().tenants.create({ id: 'acme' })
  const results = []
  for (const statement of statements.filter((one) => one.trim() !== '')) results.push(await sql(fleet(), statement))
  expect(results).toEqual([
    [{ ordinal: 1, q: 0.1, visits: 1 }],
    [{ action: 'a', q: 0.1, visits: 1, confidence: 0.5 }],
    [{ upsert_q_value: 0.75 }],
  ])
})

test('every function that docs/learning.md names is there', async () => {
  const text = await readFile(new URL('../../docs/learning.md', import.meta.url), 'utf8')
  const table = text.slice(text.indexOf('| function |'), text.indexOf('`content_hash` is'))
  const names = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`(\w+)/g)].map(([, name]) => name),
  )
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) {
    const rows = await sql(
      fleet(),
      `select from pg_proc where pronamespace = 'learning'::regnamespace and proname = $1`,
      [name],
    )
    expect({ name, found: rows.length }).toEqual({ name, found: 1 })
  }
})
