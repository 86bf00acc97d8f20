import { readFile, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { memoryOf } from '../doctor/server.js'
import type { Disk } from './machine.js'

/** What this machine, or the control group that this process is in, has. */
export interface ThisMachine {
  readonly cores: number
  /** Undefined where the system does not tell. */
  readonly memoryBytes: number | undefined
  /** What a folder lies on; undefined where the system does not tell. */
  readonly disk: Disk | undefined
}

/** Looks at control groups first (version 2, then 1), then at the machine. `folder` is where the data lie. */
export async function readThisMachine(folder: string, root = ''): Promise<ThisMachine> {
  const [cpuMax, quota, period, v2, v1, machine] = await Promise.all(
    [
      'sys/fs/cgroup/cpu.max',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us',
      'sys/fs/cgroup/memory.max',
      'sys/fs/cgroup/memory/memory.limit_in_bytes',
      'proc/meminfo',
    ].map((path) => text(`${root}/${path}`)),
  )
  const [allowed, each] = cpuMax?.split(/\s+/) ?? [quota, period]
  const share = Number(allowed) / Number(each)
  // The share of the group is a number of cores; "max" and -1 are none.
  const bound = share > 0 && Number.isFinite(share) ? Math.max(1, Math.floor(share)) : Number.POSITIVE_INFINITY
  return {
    cores: Math.min(availableParallelism(), bound),
    memoryBytes: memoryOf({ v2: v2 ?? null, v1: v1 ?? null, machine: machine ?? null }),
    disk: await diskOf(folder, root),
  }
}

/** The kind of disk of a folder, by the device that its files are on. */
async function diskOf(folder: string, root: string): Promise<Disk | undefined> {
  const found = await stat(folder).catch(() => undefined)
  if (found === undefined) return undefined
  // The numbers of a device as the kernel packs them.
  const major = Number((BigInt(found.dev) >> 8n) & 0xfffn)
  const minor = Number((BigInt(found.dev) & 0xffn) | ((BigInt(found.dev) >> 12n) & 0xfff00n))
  const device = `${root}/sys/dev/block/${major}:${minor}`
  const rotational = (await text(`${device}/queue/rotational`)) ?? (await text(`${device}/../queue/rotational`))
  if (rotational === undefined) return undefined
  const name = /^DEVNAME=(.*)$/m.exec((await text(`${device}/uevent`)) ?? '')?.[1] ?? ''
  // Disks of virtual machines call themselves rotating, whatever is behind them.
  if (/^x?vd/.test(name)) return 'network'
  if (rotational.trim() === '1') return 'hdd'
  return name.startsWith('nvme') ? 'nvme' : 'ssd'
}

const text = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)
