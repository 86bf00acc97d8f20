// What the measurement does with groups that win, lose, or do nothing: by a load that asks the server for its settings.
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { bootConfiguration } from '../../dist/configuration/boot.js'
import { resolveMachine } from '../../dist/configuration/machine.js'
import type { ProofLoad } from '../../dist/configuration/proof-load.js'
import { proofTime, proveConfiguration } from '../../dist/configuration/prove.js'
import { ScratchCluster } from '../../dist/configuration/scratch-cluster.js'
import { findServerPrograms, systemUser } from '../../dist/configuration/server-programs.js'
import { onScratchServers, programsOfPackage } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'

const DIRECT = await onScratchServers()
const GB = 1024 ** 3

DIRECT.describe('the proof', () => {
  test('keeps the group that wins; one that loses is rejected with figures', async () => {
    const bin = dirname((await programsOfPackage(15)).command('postgres', []).file)
    const programs = await findServerPrograms(15, bin)
    const { signal } = new AbortController()
    const cluster = await ScratchCluster.create({ programs, user: await systemUser(), signal })
    afterFile(() => cluster.close())
    const machine = resolveMachine({ cores: 4, memoryBytes: 2 * GB, version: 15, workload: 'oltp', connections: 40 })
    const booted = await bootConfiguration(cluster, machine, { memoryHere: 8 * GB })
    const names = ['random_page_cost', 'max_wal_size']
    const advice = { ...booted.advice, lines: booted.advice.lines.filter(({ name }) => names.includes(name)) }
    // Faster by a tenth with the planner's settings, and slower by a tenth with those of WAL.
    let runs = 0
    const load: ProofLoad = {
      name: 'settings',
      prepare: async () => {},
      run: async () => {
        const { rows } = await cluster.withConnection((connection) =>
          connection.query<{ page: string; wal: string }>(
            `select current_setting('random_page_cost') as page, current_setting('max_wal_size') as wal`,
          ),
        )
        const rate = 1000 * (rows[0]?.page === '1.1' ? 1.1 : 1) * (rows[0]?.wal === '1GB' ? 1 : 0.9)
        runs++
        return rate * (1 + ((runs * 7) % 5) / 1000)
      },
      close: async () => {},
    }
    const told: string[] = []
    const options = { before: [], rounds: 6, durationMs: 1, warmUpMs: 0, signal }
    const proof = await proveConfiguration(cluster, { ...booted, advice }, [load], {
      ...options,
      onProgress: (done, total, message) => told.push(`${done}/${total} ${message}`),
    })
    expect(proof.groups.map(({ group, kept }) => [group, kept])).toEqual([
      ['wal', false],
      ['planner', true],
    ])
    expect(proof.groups[0]?.reason).toMatch(/^slower: settings 1\d{3} → 9\d\d a second, × 0\.9/)
    expect(proof.advice.lines.map(({ name }) => name)).toEqual(['random_page_cost'])
    expect(proof.advice.rejected).toContainEqual(
      expect.objectContaining({ name: 'max_wal_size', by: 'measurement', reason: expect.stringContaining('slower') }),
    )
    expect(proof.overall).toMatchObject({ kept: true, figures: [{ ratio: expect.closeTo(1.1, 1) }] })
    expect(runs).toBe(3 * 6 * 2)
    expect(told.at(-1)).toBe('36/36 measured')
    expect(proofTime(2, { rounds: 6, durationMs: 3000, warmUpMs: 1000 }) / 60_000).toBeCloseTo(18.9, 1)
    await cluster.close()
  })

  test('ends when it is told to', async () => {
    const bin = dirname((await programsOfPackage(15)).command('postgres', []).file)
    const programs = await findServerPrograms(15, bin)
    const controller = new AbortController()
    const { signal } = controller
    const cluster = await ScratchCluster.create({ programs, user: await systemUser(), signal })
    afterFile(() => cluster.close())
    const machine = resolveMachine({ cores: 2, memoryBytes: 2 * GB, version: 15, connections: 40 })
    const booted = await bootConfiguration(cluster, machine, { memoryHere: 8 * GB })
    const load: ProofLoad = {
      name: 'aborts',
      prepare: async () => {},
      run: async () => {
        controller.abort()
        return 1
      },
      close: async () => {},
    }
    const proof = proveConfiguration(cluster, booted, [load], {
      before: [],
      rounds: 6,
      durationMs: 1,
      warmUpMs: 0,
      signal,
    })
    await expect(proof).rejects.toMatchObject({ code: 'ABORTED' })
    await cluster.close()
  })
})
