// What a process may use: its control group's limits, those above it, and the machine's.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readThisMachine } from '../../dist/configuration/this-machine.js'
import { afterFile } from '../setup/index.js'

const GB = 1024 ** 3
const MEMINFO = { 'proc/meminfo': 'MemTotal:       16777216 kB\nMemFree: 1 kB\n' }

/** The files of a machine, below a folder of their own. */
async function machineOf(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'pgfleet-machine-'))
  afterFile(() => rm(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return await readThisMachine(root, root)
}

test.each([
  ['of the machine', MEMINFO, 16 * GB],
  ['of a container', { ...MEMINFO, 'sys/fs/cgroup/memory.max': `${2 * GB}\n` }, 2 * GB],
  [
    'of a service',
    {
      ...MEMINFO,
      'proc/self/cgroup': '0::/system.slice/pg.service\n',
      'sys/fs/cgroup/system.slice/memory.max': 'max\n',
      'sys/fs/cgroup/system.slice/pg.service/memory.max': `${4 * GB}\n`,
    },
    4 * GB,
  ],
  [
    'of what a service is part of',
    {
      ...MEMINFO,
      'proc/self/cgroup': '0::/system.slice/pg.service\n',
      'sys/fs/cgroup/system.slice/memory.max': `${1 * GB}\n`,
      'sys/fs/cgroup/system.slice/pg.service/memory.max': `${4 * GB}\n`,
    },
    1 * GB,
  ],
  ['of an older group', { ...MEMINFO, 'sys/fs/cgroup/memory/memory.limit_in_bytes': `${3 * GB}\n` }, 3 * GB],
  [
    'of an older group without a limit',
    { ...MEMINFO, 'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' },
    16 * GB,
  ],
  ['that nobody tells', {}, undefined],
])('memory is that %s', async (_, files, bytes) => {
  expect((await machineOf(files as Record<string, string>)).memoryBytes).toBe(bytes)
})

test('cores are those of the narrowest group, one at least', async () => {
  const files = { 'proc/self/cgroup': '0::/a/b\n', 'sys/fs/cgroup/a/cpu.max': '50000 100000\n' }
  expect((await machineOf({ ...files, 'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n' })).cores).toBe(1)
  const older = { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }
  expect((await machineOf(older)).cores).toBe(1)
  const all = (await machineOf({})).cores
  expect((await machineOf({ 'sys/fs/cgroup/cpu.max': 'max 100000\n' })).cores).toBe(all)
})
