// Every major that can be started here is started with what is advised for it, as a user would, and examined by the doctor.
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { bootConfiguration } from '../../dist/configuration/boot.js'
import { alterSystem } from '../../dist/configuration/configuration-text.js'
import { differences } from '../../dist/configuration/difference.js'
import { examineServer } from '../../dist/configuration/examined-server.js'
import { resolveMachine, type Version } from '../../dist/configuration/machine.js'
import { ScratchCluster } from '../../dist/configuration/scratch-cluster.js'
import { findServerPrograms, systemUser } from '../../dist/configuration/server-programs.js'
import { connect } from '../../dist/doctor/connection.js'
import { memoryOf } from '../../dist/doctor/server.js'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, programsOfPackage, startServer } from '../doctor/scratch-server.js'
import { diagnose } from '../doctor/support.js'
import { afterFile } from '../setup/index.js'

const GB = 1024 ** 3
const DIRECT = await onScratchServers()

/** The folder of the programs of a major. */
async function binOf(major: number): Promise<string> {
  return dirname((await programsOfPackage(major)).command('postgres', []).file)
}

const machineOf = (version: Version) =>
  resolveMachine({ cores: 4, memoryBytes: 2 * GB, disk: 'ssd', version, workload: 'mixed', connections: 40 })

async function clusterOf(major: Version, signal = new AbortController().signal): Promise<ScratchCluster> {
  const programs = await findServerPrograms(major, await binOf(major))
  const cluster = await ScratchCluster.create({ programs, user: await systemUser(), signal })
  afterFile(() => cluster.close())
  return cluster
}

// A temporary directory of this file's own: others make scratch clusters meanwhile. The server's user has to get into it.
const temporary = await mkdtemp(join(tmpdir(), 'pgfleet-boot-'))
await chmod(temporary, 0o755)
process.env.TMPDIR = temporary
afterFile(() => rm(temporary, { recursive: true, force: true }))

const leftOvers = async () => (await readdir(tmpdir())).filter((name) => /^pgfleet-scratch-/.test(name))

DIRECT.describe('a scratch cluster', () => {
  test.each([15, 16, 18] as const)(
    'of PostgreSQL %d runs with the advice, and the doctor warns of no setting',
    async (major) => {
      const cluster = await clusterOf(major)
      const machine = machineOf(major)
      const booted = await bootConfiguration(cluster, machine, { memoryHere: 8 * GB })
      expect(differences(booted.advice, booted.settings)).toEqual([])
      expect(booted.unbooted).toEqual([])
      // What these builds lack is left out with words, and a next value taken.
      for (const { reason } of booted.advice.rejected) expect(reason).not.toBe('')
      const names = booted.advice.lines.map(({ name }) => name)
      expect(names).toContain('wal_compression')
      expect(names.includes('io_method')).toBe(major === 18)
      const { results } = await diagnose(cluster.url, { memoryBytes: machine.memoryBytes })
      const warned = results.flatMap(({ findings }) =>
        findings.filter(({ level, object }) => level !== 'info' && /^(setting |memory$)/.test(object)),
      )
      expect(warned.map(({ check, summary }) => `${check}: ${summary}`)).toEqual([])
      // The server's own words for each statement of --format sql.
      await cluster.withConnection(async (connection) => {
        for (const line of booted.advice.lines) await connection.query(alterSystem(line))
      })
      await cluster.close()
    },
  )

  test('tells what it refuses in its own words, and goes on with the next value', async () => {
    const cluster = await clusterOf(15)
    expect(await cluster.start('wal_compression = brotli')).toEqual({
      started: false,
      said: expect.stringContaining('wal_compression'),
    })
    const machine = { ...machineOf(15), preloadedLibraries: ['no_such_library'] }
    // As if the build had said that it has all of them.
    const facts = (name: string) => ({
      ...known(name),
      ...(name === 'wal_compression' ? { values: ['lz4', 'brotli', 'pglz'] } : {}),
    })
    const first = await cluster.start('')
    expect(first).toEqual({ started: true })
    const settings = await cluster.withConnection(async (connection) => {
      const { readServerSettings } = await import('../../dist/configuration/server-settings.js')
      return await readServerSettings(connection)
    })
    function known(name: string) {
      const setting = settings.get(name)
      if (setting === undefined) throw new Error(name)
      return setting
    }
    const { advice } = await bootConfiguration(cluster, machine, { facts, memoryHere: 8 * GB })
    const library = advice.rejected.find(({ name }) => name === 'shared_preload_libraries')
    expect(library).toMatchObject({ by: 'boot', reason: expect.stringContaining('no_such_library') })
    expect(advice.lines.map(({ name }) => name)).not.toContain('shared_preload_libraries')
    await cluster.close()
  })

  test('looks at what is too large for this machine without starting it', async () => {
    const cluster = await clusterOf(15)
    const machine = resolveMachine({ cores: 64, memoryBytes: 1024 * GB, version: 15 })
    const { unbooted, advice } = await bootConfiguration(cluster, machine, { memoryHere: 4 * GB })
    expect(unbooted).toEqual([
      { name: 'shared_buffers', value: '256GB', reason: expect.stringContaining('postgres -C takes it') },
    ])
    expect(advice.lines.find(({ name }) => name === 'shared_buffers')?.value).toBe('256GB')
    expect(await cluster.refusal('shared_buffers', '1kB')).toContain('shared_buffers')
    await cluster.close()
  })

  test('leaves nothing behind, also when it is ended half-way', async () => {
    const before = await leftOvers()
    const controller = new AbortController()
    const cluster = await clusterOf(15, controller.signal)
    expect(await cluster.start('')).toEqual({ started: true })
    controller.abort()
    await expect(cluster.start('')).rejects.toMatchObject({ code: 'ABORTED' })
    await cluster.close()
    await cluster.close()
    await expect(connect(cluster.url, 1000)).rejects.toMatchObject({ code: 'DATABASE_UNEXAMINED' })
    expect(await leftOvers()).toEqual(before)
    await expect(clusterOf(15, controller.signal)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await leftOvers()).toEqual(before)
  })
})

DIRECT.describe('a server', () => {
  test('is examined: version, memory, libraries, workload; and takes every statement', async () => {
    const server = await startServer(17, { settings: { shared_preload_libraries: 'auto_explain' } })
    const connection = await connect(server.url, 60_000)
    const examined = await examineServer(connection, { sampleMs: 0, signal: new AbortController().signal })
    expect(examined).toMatchObject({
      major: 17,
      maxConnections: 40,
      service: undefined,
      preloadedLibraries: ['auto_explain'],
      workload: { kind: undefined, evidence: [expect.stringContaining('tell nothing yet')] },
    })
    expect(examined.memoryBytes).toBe(memoryOf({ v2: null, v1: null, machine: null }) ?? examined.memoryBytes)
    await connection.close()
    const cwd = await mkdtemp(join(tmpdir(), 'pgfleet-config-'))
    afterFile(() => rm(cwd, { recursive: true, force: true }))
    const asked = [
      'advise',
      'config',
      '--url',
      server.url,
      '--sample',
      '0',
      '--memory',
      '4GB',
      '--cores',
      '4',
      '--no-boot',
    ]
    const { code, stdout, stderr } = await runCli(cwd, [...asked, '--json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const report = JSON.parse(stdout)
    expect(report.differences).toContainEqual(
      expect.objectContaining({
        name: 'shared_buffers',
        now: '32MB',
        value: '1GB',
        restart: true,
        source: 'command line',
      }),
    )
    expect(report.machine).toMatchObject({ version: 17, connections: 40, preloadedLibraries: ['auto_explain'] })
    const client = await server.client()
    const sql = await runCli(cwd, [...asked, '--format', 'sql'])
    for (const statement of sql.stdout.match(/^(alter system|select) [^;]*/gm) ?? []) await client.query(statement)
    const { rows } = await client.query(
      `select name, error from pg_file_settings where error is not null and error not like '%could not be applied%'`,
    )
    expect(rows).toEqual([])
    const table = await runCli(cwd, asked)
    expect(table.stdout).toMatch(/shared_buffers +│ 32MB +│ 1GB +│ restart/)
    expect(table.stdout).toContain('No scratch cluster was started with it: not asked for.')
  })
})

DIRECT.describe('pgfleet advise config', () => {
  test('starts a scratch cluster with what it prints, and says what it refused', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'pgfleet-config-'))
    afterFile(() => rm(cwd, { recursive: true, force: true }))
    const bin = await binOf(18)
    const asked = [
      'advise',
      'config',
      '--pg-version',
      '18',
      '--memory',
      '2GB',
      '--cores',
      '2',
      '--disk',
      'nvme',
      '--bin',
      bin,
    ]
    const { code, stdout, stderr } = await runCli(cwd, [...asked, '--json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const report = JSON.parse(stdout)
    expect(report.booted).toMatchObject({ version: expect.stringMatching(/^18\./), unbooted: [] })
    const values = Object.fromEntries(
      report.lines.map((line: { name: string; value: string }) => [line.name, line.value]),
    )
    expect(values).toMatchObject({ shared_buffers: '512MB', io_method: expect.stringMatching(/^(worker|io_uring)$/) })
    const conf = await runCli(cwd, [...asked, '--format', 'conf', '--no-boot'])
    expect(conf.stdout).toMatch(/^shared_buffers = 512MB +# R /m)
    // A service takes neither statements of the kind nor the file.
    const rds = await runCli(cwd, [...asked, '--format', 'sql', '--no-boot', '--provider', 'rds'])
    expect(rds.stdout).toMatch(/^-- Amazon RDS: in the parameter group\n-- shared_buffers += 65536 {2}# restart$/m)
    expect(rds.stdout).not.toMatch(/^(?!-- )./m)
    const wrong = await runCli(cwd, ['advise', 'config', '--pg-version', '18', '--bin', cwd])
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('SERVER_PROGRAMS_MISSING') })
    for (const bad of [
      ['--memory', '1PB'],
      ['--pg-version', '14'],
    ]) {
      expect((await runCli(cwd, ['advise', 'config', ...bad])).code).toBe(2)
    }
    const tight = await runCli(cwd, ['advise', 'config', '--memory', '512MB', '--connections', '500', '--no-boot'])
    expect(tight).toMatchObject({ code: 2, stderr: expect.stringContaining('connections do not fit') })
    // Who says nothing of connections has as many as fit.
    const small = await runCli(cwd, [
      ...['advise', 'config', '--memory', '512MB', '--cores', '1'],
      '--no-boot',
      '--json',
    ])
    const [line] = JSON.parse(small.stdout).lines.filter(({ name }: { name: string }) => name === 'max_connections')
    expect(line).toMatchObject({ value: '85' })
    expect((await runCli(cwd, ['advise', 'indexes', '--help'])).stdout).toMatch(/\(default:\s+7d\)/)
  })

  test('is ended by Ctrl-C, and leaves nothing', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'pgfleet-config-'))
    afterFile(() => rm(cwd, { recursive: true, force: true }))
    const asked = ['advise', 'config', '--pg-version', '15', '--bin', await binOf(15)]
    const ended = await runCli(cwd, asked, {
      interrupt: { after: 'starting a scratch cluster', milliseconds: 300 },
    })
    expect(ended.code).toBe(130)
    expect(await leftOvers()).toEqual([])
  })
})
