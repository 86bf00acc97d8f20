import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

// What no tool sees: who may import whom, how large a file may grow, and what every SQL file carries.
const ROOT = fileURLToPath(new URL('../', import.meta.url))

const list = async (folder: string, ending: string): Promise<string[]> =>
  (await readdir(join(ROOT, folder), { recursive: true }))
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .sort()

const read = (file: string) => readFile(join(ROOT, file), 'utf8')

/**
 * The layers, lowest first; those of one line do not know each other. A file may import its own layer and lower ones.
 * `database` and `input` are unaware of options and stores; `replay` needs nothing but a store's shape; `explain` parses
 * statements as the linter does; the demo and the measure of a pool measure
 * with the bench's tools; `index` is the door, which nobody inside goes through.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['src/error-codes/'],
  ['src/errors.ts'],
  ['src/input.ts', 'src/id.ts', 'src/pause.ts', 'src/database/'],
  ['src/content.ts', 'src/identity.ts', 'src/key-provider.ts', 'src/log-position.ts'],
  ['src/condition.ts', 'src/tenants/', 'src/archive/'],
  [
    'src/options.ts',
    'src/tenants.ts',
    'src/stores/learning/',
    'src/stores/memory/',
    'src/stores/delivery/',
    'src/stores/metadata/',
  ],
  ['src/maintenance/'],
  ['src/fleet.ts', 'src/backup/'],
  ['src/replay/', 'src/import/', 'src/bench/', 'src/doctor/', 'src/lint/'],
  [
    'src/explain/',
    'src/pooling/',
    'src/storage/',
    'src/checklist/',
    'src/configuration/',
    'src/vector-sweep/',
    'src/monitoring/',
  ],
  ['src/indexing/', 'src/top/', 'src/tuning/', 'src/demo/'],
  ['src/cli/', 'src/index.ts'],
]

const placeOf = (file: string) => {
  const height = LAYERS.findIndex((layer) => layer.some((part) => file.startsWith(part)))
  return { height, part: LAYERS[height]?.find((part) => file.startsWith(part)) }
}

const files = await list('src', '.ts')
const sources = new Map<string, string>()
for (const file of files) sources.set(file, await read(file))

/** Local imports and re-exports, as files of src; those of types alone vanish when compiled. */
function importsOf(file: string, { types = true } = {}): string[] {
  const text = (sources.get(file) ?? '').replaceAll(/^(?:import|export) type [^']*'[^']+'$/gm, (line) =>
    types ? line : '',
  )
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path as string)).replace(/\.js$/, '.ts'),
  )
}

describe('imports', () => {
  test('every file has a layer, and every layer has files', () => {
    expect(files.filter((file) => placeOf(file).height < 0)).toEqual([])
    for (const part of LAYERS.flat())
      expect(
        files.some((file) => file.startsWith(part)),
        part,
      ).toBe(true)
  })

  test('go down only', () => {
    const breaches = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => {
          const [from, to] = [placeOf(file), placeOf(target)]
          return from.part !== to.part && to.height >= from.height
        })
        .map((target) => `${file} imports ${target}`),
    )
    expect(breaches).toEqual([])
  })

  test('of files that exist', () => {
    const missing = files.flatMap((file) => importsOf(file).filter((target) => !sources.has(target)))
    expect(missing).toEqual([])
  })

  test('never go from one store to another', () => {
    const storeOf = (file: string) => /^src\/stores\/([^/]+)\//.exec(file)?.[1]
    const breaches = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => storeOf(file) && storeOf(target) && storeOf(file) !== storeOf(target))
        .map((target) => `${file} imports ${target}`),
    )
    expect(breaches).toEqual([])
  })

  test('have no cycles, those of types alone aside', () => {
    const cycles: string[] = []
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) return cycles.push([...path.slice(path.indexOf(file)), file].join(' > '))
      if (done.has(file)) return
      for (const target of importsOf(file, { types: false })) visit(target, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    expect(cycles).toEqual([])
  })

  test('the scan sees imports of every form', () => {
    sources.set(
      'src/probe.ts',
      `import a from './a.js'\nexport * from '../b.js'\nimport './c.js'\nconst d = import('./d.js')`,
    )
    expect(importsOf('src/probe.ts')).toEqual(['src/a.ts', 'b.ts', 'src/c.ts', 'src/d.ts'])
    sources.set('src/probe.ts', `import type { A } from './a.js'\nimport { type B, b } from './b.js'`)
    expect(importsOf('src/probe.ts')).toEqual(['src/a.ts', 'src/b.ts'])
    expect(importsOf('src/probe.ts', { types: false })).toEqual(['src/b.ts'])
    sources.delete('src/probe.ts')
  })
})

describe('source files', () => {
  test('have at most 400 lines', () => {
    const long = files.filter((file) => (sources.get(file)?.split('\n').length ?? 0) > 401)
    expect(long).toEqual([])
  })

  test('print and exit in the command line only', () => {
    // Comments may speak of them.
    const code = (file: string) => (sources.get(file) ?? '').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    const loud = files.filter(
      (file) => !file.startsWith('src/cli/') && /\bconsole\.|process\.(exit\b|stdout|stderr)/.test(code(file)),
    )
    expect(loud).toEqual([])
  })

  test('are named after what they are', () => {
    expect(files.filter((file) => /\b(utils?|helpers?|common|misc|shared|lib)\b/.test(file))).toEqual([])
  })
})

describe('SQL', async () => {
  const routines = await list('sql/functions', '.sql')
  const migrations = (await list('sql/migrations', '.sql')).filter((file) => !file.endsWith('.down.sql'))

  test('there is some', () => {
    expect(routines.length).toBeGreaterThan(20)
    expect(migrations.length).toBeGreaterThanOrEqual(2)
  })

  test.each(routines)('%s holds one routine of its name, explained, pinned and not for everyone', async (file) => {
    const text = await read(file)
    const [, schema, name] = /functions\/(\w+)\/(\w+)\.sql$/.exec(file) ?? []
    const full = `${schema}.${name}`
    expect(text.startsWith(`-- ${full}`), 'begins with a comment that names it').toBe(true)
    const made = [...text.matchAll(/^create (?:or replace )?(function|procedure|view) (\S+?)[\s(]/gm)]
    expect(made.map(([, , what]) => what)).toEqual([full])
    const [[, kind] = []] = made
    expect(text).toMatch(new RegExp(`^comment on ${kind} ${schema}\\.${name}\\b.* is '`, 'm'))
    if (kind === 'view') {
      expect(text).toContain('security_invoker = true')
    } else {
      expect(text).toMatch(/^set search_path = pg_catalog, .*pg_temp$/m)
      expect(text).toMatch(new RegExp(`^revoke all on ${kind} ${schema}\\.${name}\\(.*\\) from public;$`, 'm'))
    }
  })

  test.each(migrations)('%s says what it locks, and has a way down', async (file) => {
    expect(await read(file)).toMatch(/^--! breaking: (yes|no) +lock: .+ +rewrite: .+ +time: .+\n-- /)
    expect(await read(file.replace(/\.sql$/, '.down.sql'))).toMatch(/^--! data-loss: (yes|no)\n/)
  })

  test.each(migrations)('%s names every constraint', async (file) => {
    const text = await read(file)
    // A column may be `not null` or generated; keys and checks are table constraints with a name.
    const unnamed = [...text.matchAll(/^ {2}(?!constraint )\S.*\b(primary key|unique|references|check)\b.*$/gm)].map(
      ([line]) => line,
    )
    expect(unnamed.filter((line) => !/^ {2}(with check|using)/.test(line))).toEqual([])
  })
})
