import type { SettingGroup } from '../advised-setting.js'
import type { Machine } from '../machine.js'

/** Reads that a disk answers at the same time. */
const READS = { nvme: 200, ssd: 100, network: 64, hdd: 2 } as const
/** From PostgreSQL 18 on this is the default: reads are combined before they are issued. */
const READS_18 = 16

const concurrency = ({ disk, version }: Machine) => Math.max(READS[disk], version >= 18 ? READS_18 : 0)

export const io: SettingGroup = {
  name: 'io',
  title: 'Reading',
  purpose: 'speed',
  settings: [
    {
      name: 'effective_io_concurrency',
      source: 'W',
      formula: 'NVMe 200, SSD 100, network 64, rotating disk 2; on PostgreSQL 18 at least 16',
      why: 'So many pages are asked for ahead; the default before PostgreSQL 18, 1, is that of one rotating disk.',
      cost: 'Too low: the disk waits for the server. Too high: short reads wait behind long ones.',
      values: ({ machine }) => [String(concurrency(machine))],
    },
    {
      name: 'maintenance_io_concurrency',
      source: 'O',
      formula: 'as effective_io_concurrency, at least 10',
      why: 'Vacuum, analyze and recovery read ahead, too.',
      cost: 'As above.',
      values: ({ machine }) => [String(Math.max(10, concurrency(machine)))],
    },
    {
      name: 'io_method',
      source: 'W',
      versions: [18, 18],
      formula: 'the first of io_uring and worker that this build has and that boots',
      why: 'Reads ahead go on while the session works.',
      cost: 'Scans of what is in memory can be slower with worker than with sync: measure it.',
      values: () => ['io_uring', 'worker'],
    },
    {
      name: 'io_workers',
      source: 'T',
      versions: [18, 18],
      formula: 'a quarter of the cores, 3 to 32; idle with io_uring',
      why: 'With io_method = worker all reads go through these processes.',
      cost: 'Too few: reads queue. Too many: a few megabytes each.',
      values: ({ machine }) => [String(Math.min(32, Math.max(3, Math.floor(machine.cores / 4))))],
    },
  ],
}
