// Reads from servers of the majors 15 to 18 which settings, system columns and functions that are not immutable each has,
// and writes them to src/lint/server. Rerun when a major is added:
//   npx tsx scripts/server-facts.ts postgres://…:5415/postgres postgres://…:5416/postgres …
import { writeFile } from 'node:fs/promises'
import pg from 'pg'

const SETTINGS = `
  select name, vartype, context, coalesce(unit, '') as unit, coalesce(min_val, '') as min, coalesce(max_val, '') as max,
    coalesce(array_to_string(enumvals, ','), '') as enums
  from pg_settings
  where category <> 'Preset Options' and category <> 'Customized Options' and name !~ '[.]'
  order by name collate "C"`

const COLUMNS = `
  select c.relname as relation, a.attname as name
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped
    and (c.relnamespace = 'pg_catalog'::regnamespace or c.relname like 'pg\\_stat\\_statements%')
  order by c.relname collate "C", a.attname collate "C"`

// Functions whose every form is stable or volatile. Those that only the server itself calls are left out.
const FUNCTIONS = `
  select p.proname as name, bool_or(p.provolatile = 'v') as volatile
  from pg_proc p
  where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f'
  group by p.proname
  having bool_and(p.provolatile <> 'i')
    and not bool_or('internal'::regtype = any (p.proargtypes::oid[]) or 'cstring'::regtype = any (p.proargtypes::oid[]))
    and not bool_or(p.prorettype in ('internal'::regtype, 'cstring'::regtype))
    and p.proname !~ '^(binary_upgrade|pg_stat_get|ts_|has_|pg_replication|brin|gin|gist|hash|json_populate|RI_|_)'
  order by p.proname collate "C"`

// What the servers that are asked need not have: Debian's own, and what a later minor release added to all majors.
const ADDED = [
  'composite_type_mismatch enum|superuser||||error,warn,disabled',
  'extension_destdir string|superuser||||',
  'output_plugin_libraries string|superuser||||',
]

interface Setting {
  name: string
  vartype: string
  context: string
  unit: string
  min: string
  max: string
  enums: string
}

const settings = new Map<string, { of: Map<string, number[]> }>()
const columns = new Map<string, Map<string, number[]>>()
const relations = new Map<string, number[]>()
const functions = new Map<string, { volatile: boolean }>()
const majors: number[] = []

for (const url of process.argv.slice(2)) {
  const client = new pg.Client(url)
  await client.connect()
  await client.query('create extension if not exists pg_stat_statements')
  const { rows: version } = await client.query<{ major: number }>(
    `select current_setting('server_version_num')::integer / 10000 as major`,
  )
  const major = version[0]?.major ?? 0
  majors.push(major)
  for (const row of (await client.query<Setting>(SETTINGS)).rows) {
    const text = [row.vartype, row.context, row.unit, row.min, row.max, row.enums].join('|')
    const entry = settings.get(row.name) ?? { of: new Map<string, number[]>() }
    entry.of.set(text, [...(entry.of.get(text) ?? []), major])
    settings.set(row.name, entry)
  }
  for (const { relation, name } of (await client.query<{ relation: string; name: string }>(COLUMNS)).rows) {
    const of = columns.get(relation) ?? new Map<string, number[]>()
    of.set(name, [...(of.get(name) ?? []), major])
    columns.set(relation, of)
    const seen = relations.get(relation) ?? []
    if (!seen.includes(major)) relations.set(relation, [...seen, major])
  }
  for (const row of (await client.query<{ name: string; volatile: boolean }>(FUNCTIONS)).rows)
    functions.set(row.name, row)
  await client.end()
}

/** `@16-17` for the majors that have it; nothing when all have. */
const mark = (of: readonly number[], all: readonly number[] = majors) =>
  of.length === all.length ? '' : `@${of[0]}-${of.at(-1)}`

function wrap(parts: readonly string[], separator: string): string {
  const lines: string[] = []
  let line = ''
  for (const part of parts) {
    const next = line === '' ? part : `${line}${separator}${part}`
    if (next.length > 116) {
      lines.push(`${line}${separator.trimEnd()}`)
      line = part
    } else line = next
  }
  return [...lines, line].join('\n')
}

const head = (what: string) =>
  `// Written by scripts/server-facts.ts from servers of the majors ${majors.join(', ')}.\n/** ${what} */\n`

await writeFile(
  'src/lint/server/setting-facts.ts',
  `${head('A setting each: name, majors that have it when not all, then type|context|unit|min|max|values.')}export const SETTING_FACTS = \`\n${wrap(
    [...settings]
      .flatMap(([name, { of }]) => [...of].map(([text, has]) => `${name}${mark(has)} ${text}`))
      .concat(ADDED.filter((one) => !settings.has(one.split(' ', 1)[0] ?? ''))),
    '; ',
  )}\`\n`,
)
await writeFile(
  'src/lint/server/column-facts.ts',
  `${head('A relation of the system catalogue each, with its columns, and the majors that have them when not all.')}export const COLUMN_FACTS = \`\n${wrap(
    [...columns].flatMap(([relation, of]) => {
      const has = relations.get(relation) ?? []
      return [...of].map(([name, by], i) => `${i === 0 ? `${relation}${mark(has)}:` : ''}${name}${mark(by, has)}`)
    }),
    ' ',
  )}\`\n`,
)
const named = (volatile: boolean) =>
  wrap(
    [...functions].filter(([, one]) => one.volatile === volatile).map(([name]) => name),
    ' ',
  )
await writeFile(
  'src/lint/server/function-facts.ts',
  `${head('Functions that are volatile in some form, and immutable in none.')}export const VOLATILE_FUNCTIONS = \`\n${named(true)}\`\n\n/** Functions that are stable, and immutable in no form. */\nexport const STABLE_FUNCTIONS = \`\n${named(false)}\`\n`,
)
