// What is advised for machines of all sizes is held against the linter, and against the sums that the doctor makes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSameValue, refusalOf } from '../../dist/configuration/acceptance.js'
import { type AdvisedLine, adviseConfiguration } from '../../dist/configuration/advice.js'
import { alterSystem, assignment, formatConf, formatSql } from '../../dist/configuration/configuration-text.js'
import { differences } from '../../dist/configuration/difference.js'
import { DISKS, type MachineInput, resolveMachine, VERSIONS, WORKLOADS } from '../../dist/configuration/machine.js'
import { adviseService, formatService, SERVICE_NAMES } from '../../dist/configuration/managed-service.js'
import { memoryBudget } from '../../dist/configuration/memory-budget.js'
import type { ServerSetting } from '../../dist/configuration/server-settings.js'
import { lint } from '../../dist/lint/lint.js'
import type { PgVersion } from '../../dist/lint/rule.js'
import { type KnownSetting, knownSetting, measure } from '../../dist/lint/settings/known-setting.js'
import { Source } from '../../dist/lint/source.js'

const MB = 1024 ** 2
const GB = 1024 ** 3

const machines: fc.Arbitrary<MachineInput> = fc
  .record({
    cores: fc.integer({ min: 1, max: 256 }),
    // Evenly over the powers of two, from 256 MB to 4 TB.
    memoryBytes: fc.double({ min: 28, max: 42, noNaN: true }).map((power) => Math.floor(2 ** power)),
    disk: fc.constantFrom(...DISKS),
    version: fc.constantFrom(...VERSIONS),
    workload: fc.constantFrom(...WORKLOADS),
    connections: fc.integer({ min: 10, max: 5000 }),
    databaseBytes: fc.option(fc.double({ min: 0, max: 1e13, noNaN: true }), { nil: undefined }),
    walDiskBytes: fc.option(fc.double({ min: GB, max: 1e13, noNaN: true }), { nil: undefined }),
    walBytesPerSecond: fc.option(fc.double({ min: 0, max: 5e8, noNaN: true }), { nil: undefined }),
  })
  .map(({ databaseBytes, walDiskBytes, walBytesPerSecond, ...rest }) => ({
    ...rest,
    connections: Math.min(rest.connections, Math.floor(rest.memoryBytes / 6 / MB)),
    ...(databaseBytes === undefined ? {} : { databaseBytes }),
    ...(walDiskBytes === undefined ? {} : { walDiskBytes }),
    ...(walBytesPerSecond === undefined ? {} : { walBytesPerSecond }),
  }))

const EXAMPLE = { cores: 8, memoryBytes: 16 * GB, disk: 'nvme', version: 17, workload: 'oltp' } as const

const adviseFor = (input: MachineInput) => adviseConfiguration(resolveMachine(input))
const valuesOf = (input: MachineInput) =>
  Object.fromEntries(adviseFor(input).lines.map(({ name, value }) => [name, value]))

/** The number of a line, in bytes or milliseconds. */
function amountOf(lines: readonly AdvisedLine[], name: string, version: number): number {
  const value = lines.find((line) => line.name === name)?.value
  const amount = value === undefined ? undefined : measure(knownSetting(name, version) as KnownSetting, value)
  if (typeof amount !== 'number') throw new Error(`${name} is ${value}`)
  return amount
}

describe('a configuration', () => {
  test('is one that the linter finds nothing in, whatever the machine', async () => {
    await fc.assert(
      fc.asyncProperty(machines, async (input) => {
        const advice = adviseFor(input)
        const sources = [
          new Source('postgresql.conf', 'postgresql.conf', formatConf(advice)),
          new Source('settings.sql', 'sql', formatSql(advice)),
        ]
        const { findings } = await lint(sources, { version: advice.machine.version as PgVersion })
        expect(findings.map(({ finding }) => `${finding.rule}: ${finding.message}`)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })

  test('never allows more memory than there is, by the sum that the doctor makes', () => {
    fc.assert(
      fc.property(machines, (input) => {
        const { machine, lines } = adviseFor(input)
        const of = (name: string) => amountOf(lines, name, machine.version)
        const workers = Number(lines.find(({ name }) => name === 'autovacuum_max_workers')?.value)
        const sum =
          of('shared_buffers') +
          machine.connections * of('work_mem') * 2 +
          workers * of('autovacuum_work_mem') +
          of('maintenance_work_mem')
        // The floor of work_mem is what no setting can go below; the doctor warns from 0.8 on.
        if (memoryBudget(machine).workMemBoundBy !== 'floor') expect(sum / machine.memoryBytes).toBeLessThan(0.8)
        expect(of('shared_buffers')).toBeLessThanOrEqual(0.4 * machine.memoryBytes)
        expect(of('effective_cache_size')).toBeGreaterThanOrEqual(of('shared_buffers'))
        if (machine.walDiskBytes !== undefined) {
          expect(of('max_wal_size')).toBeLessThanOrEqual(0.6 * machine.walDiskBytes)
        }
        expect(of('min_wal_size')).toBeGreaterThanOrEqual(32 * MB)
      }),
      { numRuns: 500 },
    )
  })

  test('of a machine of 16 GB and 8 cores is this', () => {
    expect(valuesOf(EXAMPLE)).toMatchObject({
      shared_buffers: '4GB',
      huge_pages: 'try',
      effective_cache_size: '12GB',
      // (0.75 × 16 GB − 4 GB − 1 GB − 3 × 256 MB) ÷ (100 × 2) is 32 MB.
      work_mem: '32MB',
      maintenance_work_mem: '1GB',
      autovacuum_work_mem: '256MB',
      max_wal_size: '8GB',
      checkpoint_timeout: '15min',
      random_page_cost: '1.1',
      jit: 'off',
      effective_io_concurrency: '200',
      autovacuum_max_workers: '3',
      autovacuum_vacuum_cost_delay: '2ms',
      autovacuum_vacuum_cost_limit: '2000',
    })
    // With few connections those that work at once bound it: 10.25 GB ÷ ((16 + 8) × 3 × 2) is 72.9 MB.
    expect(valuesOf({ ...EXAMPLE, connections: 20 }).work_mem).toBe('72MB')
  })

  test('says why a value is what it is', () => {
    const whyOf = (input: MachineInput, name: string) => adviseFor(input).lines.find((line) => line.name === name)?.why
    expect(whyOf({ ...EXAMPLE, disk: 'hdd' }, 'random_page_cost')).toContain('Heads have to move')
    expect(whyOf(EXAMPLE, 'random_page_cost')).toContain('Without moving heads')
    expect(whyOf({ ...EXAMPLE, workload: 'analytics' }, 'jit')).toContain('are quicker when they are compiled')
    expect(whyOf(EXAMPLE, 'jit')).toContain('takes longer')
  })

  test('follows disk, version and workload', () => {
    expect(valuesOf({ ...EXAMPLE, disk: 'hdd' })).toMatchObject({
      random_page_cost: '4',
      effective_io_concurrency: '2',
    })
    expect(valuesOf({ ...EXAMPLE, disk: 'hdd', databaseBytes: GB }).random_page_cost).toBe('1.1')
    expect(valuesOf({ ...EXAMPLE, disk: 'hdd', version: 18 }).effective_io_concurrency).toBe('16')
    expect(valuesOf({ ...EXAMPLE, workload: 'analytics' })).toMatchObject({
      jit: 'on',
      max_parallel_workers_per_gather: '4',
    })
    const names = (version: (typeof VERSIONS)[number]) => Object.keys(valuesOf({ ...EXAMPLE, version }))
    expect(names(18).filter((name) => !names(17).includes(name))).toEqual([
      'io_method',
      'io_workers',
      'autovacuum_worker_slots',
      'autovacuum_vacuum_max_threshold',
    ])
    // 10 MB of WAL a second come to 19.1 GB in a checkpoint and what runs beside it.
    expect(valuesOf({ ...EXAMPLE, walBytesPerSecond: 10e6 }).max_wal_size).toBe('19GB')
    expect(valuesOf({ ...EXAMPLE, walDiskBytes: 2 * GB })).toMatchObject({
      max_wal_size: '1216MB',
      checkpoint_timeout: '11min',
    })
  })

  test('never switches off what keeps data safe', () => {
    fc.assert(
      fc.property(machines, (input) => {
        const names = adviseFor(input).lines.map(({ name }) => name)
        for (const name of ['fsync', 'full_page_writes', 'synchronous_commit', 'commit_delay', 'statement_timeout'])
          expect(names).not.toContain(name)
      }),
    )
  })

  test('takes of a build what the build has, and of all builds what all have', () => {
    const machine = resolveMachine({ ...EXAMPLE, version: 18 })
    const chosen = (name: string, values?: readonly string[]) =>
      adviseConfiguration(machine, (each) => {
        const known = knownSetting(each, 18)
        return known !== undefined && values !== undefined && each === name ? { ...known, values } : known
      }).lines.find((line) => line.name === name)?.value
    expect(chosen('wal_compression')).toBe('pglz')
    expect(chosen('wal_compression', ['pglz', 'zstd', 'on', 'off'])).toBe('zstd')
    expect(chosen('io_method')).toBe('worker')
    expect(chosen('io_method', ['sync', 'worker', 'io_uring'])).toBe('io_uring')
    const refused = [{ name: 'io_method', value: 'io_uring', by: 'boot', reason: 'not permitted' }] as const
    const { lines, rejected } = adviseConfiguration(machine, undefined, refused)
    expect(lines.find(({ name }) => name === 'io_method')?.value).toBe('worker')
    expect(rejected).toContainEqual(refused[0])
  })

  test('is refused for what does not fit', () => {
    const refuse = (input: MachineInput) => expect(() => resolveMachine(input))
    refuse({ ...EXAMPLE, memoryBytes: 100 * MB }).toThrowError(
      expect.objectContaining({ code: 'INPUT_INVALID', field: 'machine.memoryBytes' }),
    )
    refuse({ ...EXAMPLE, memoryBytes: 512 * MB, connections: 200 }).toThrowError(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        field: 'machine.connections',
        hint: expect.stringContaining('pooler'),
      }),
    )
    refuse({ ...EXAMPLE, cores: 0 }).toThrowError(expect.objectContaining({ field: 'machine.cores' }))
  })
})

describe('texts', () => {
  test('quote what has to be', () => {
    expect(assignment({ name: 'work_mem', value: '32MB' })).toBe('work_mem = 32MB')
    expect(assignment({ name: 'shared_preload_libraries', value: 'a,b' })).toBe("shared_preload_libraries = 'a,b'")
    expect(alterSystem({ name: 'random_page_cost', value: '1.1' })).toBe('alter system set random_page_cost = 1.1')
    // As one literal it would be the name of a single library.
    expect(alterSystem({ name: 'shared_preload_libraries', value: 'a,b' })).toBe(
      "alter system set shared_preload_libraries = 'a', 'b'",
    )
  })

  test('keep the libraries that are loaded', () => {
    expect(valuesOf({ ...EXAMPLE, preloadedLibraries: ['auto_explain'] }).shared_preload_libraries).toBe(
      'auto_explain,pg_stat_statements',
    )
  })
})

describe('a value', () => {
  const known = (name: string) => knownSetting(name, 17) as KnownSetting

  test('is the same in another unit', () => {
    expect(isSameValue(known('shared_buffers'), '131072', '1GB')).toBe(true)
    expect(isSameValue(known('shared_buffers'), '131071', '1GB')).toBe(false)
    expect(isSameValue(known('log_lock_waits'), 'true', 'on')).toBe(true)
    expect(isSameValue(known('checkpoint_timeout'), '900', '15min')).toBe(true)
  })

  test('is refused out of bounds, of another kind, or by another major', () => {
    expect(refusalOf('work_mem', '1kB', known('work_mem'))).toContain('outside the valid range')
    expect(refusalOf('jit', 'perhaps', known('jit'))).toContain('Boolean')
    expect(refusalOf('wal_compression', 'brotli', known('wal_compression'))).toContain('available values')
    expect(refusalOf('io_method', 'worker', knownSetting('io_method', 17))).toContain('unrecognized')
    expect(refusalOf('work_mem', '4MB', known('work_mem'))).toBeUndefined()
  })

  test('that differs is told with what it is now', () => {
    const settings = new Map<string, ServerSetting>(
      adviseFor(EXAMPLE).lines.map(({ name, value }) => {
        const setting = known(name)
        const now = name === 'shared_buffers' ? '16384' : name === 'autovacuum_work_mem' ? '-1' : value
        return [name, { ...setting, value: now, bootValue: null, source: 'default', pendingRestart: false }]
      }),
    )
    expect(differences(adviseFor(EXAMPLE), settings)).toMatchObject([
      { name: 'shared_buffers', now: '128MB', value: '4GB', restart: true },
      { name: 'autovacuum_work_mem', now: '-1', value: '256MB', restart: false },
    ])
  })
})

describe('a managed service', () => {
  test.each(SERVICE_NAMES)('%s: every line is either set there or said to be impossible', (service) => {
    const advice = adviseFor({ ...EXAMPLE, version: 18 })
    const { settable, unsettable } = adviseService(advice, service)
    expect([...settable, ...unsettable].map(({ name }) => name).sort()).toEqual(
      advice.lines.map(({ name }) => name).sort(),
    )
    expect(formatService(adviseService(advice, service))).not.toMatch(/alter system/i)
  })

  test('has per role or per table what it does not set', () => {
    const { settable, unsettable } = adviseService(adviseFor(EXAMPLE), 'neon')
    expect(settable).toEqual([])
    const insteadOf = (name: string) => unsettable.find((line) => line.name === name)?.instead
    expect(insteadOf('work_mem')).toEqual([
      "alter role ROLE set work_mem = '32MB'",
      "alter database DATABASE set work_mem = '32MB'",
    ])
    expect(insteadOf('autovacuum_vacuum_scale_factor')).toEqual([
      'alter table TABLE set (autovacuum_vacuum_scale_factor = 0.1)',
    ])
    expect(insteadOf('autovacuum_vacuum_cost_delay')).toEqual([
      'alter table TABLE set (autovacuum_vacuum_cost_delay = 2)',
    ])
    expect(insteadOf('shared_buffers')).toEqual([])
  })

  test('caches its storage itself, or leaves settings to its roles', () => {
    const aurora = adviseService(adviseFor(EXAMPLE), 'aurora')
    // A quarter of memory would be a third of what it comes with.
    expect(aurora.unsettable.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['shared_buffers', 'effective_cache_size', 'max_wal_size', 'checkpoint_timeout']),
    )
    expect(aurora.settable.map(({ name }) => name)).toEqual(expect.arrayContaining(['work_mem', 'jit']))
    const supabase = adviseService(adviseFor(EXAMPLE), 'supabase')
    expect(supabase.unsettable.find(({ name }) => name === 'log_lock_waits')?.instead).toEqual([
      "alter role ROLE set log_lock_waits = 'on'",
    ])
  })

  test('takes bare numbers where it has its own units', () => {
    const text = formatService(adviseService(adviseFor(EXAMPLE), 'rds'))
    // 4 GB in pages of 8 kB, and 15 minutes in seconds.
    expect(text).toMatch(/^shared_buffers += 524288 {2}# restart$/m)
    expect(text).toMatch(/^checkpoint_timeout += 900$/m)
  })
})
