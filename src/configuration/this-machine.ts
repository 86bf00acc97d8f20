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
  const [groups, quota, period, v1, machine] = await Promise.all([
    groupsOf(root),
    text(`${root}/sys/fs/cgroup/cpu/cpu.cfs_quota_us`),
    text(`${root}/sys/fs/cgroup/cpu/cpu.cfs_period_us`),
    text(`${root}/sys/fs/cgroup/memory/memory.limit_in_bytes`),
    text(`${root}/proc/meminfo`),
  ])
  const shares = groups
    .map(({ cpu }) => cpu?.split(/\s+/) ?? [])
    .concat([[quota ?? '', period ?? '']])
    .map(([allowed, each]) => Number(allowed) / Number(each))
    // The share of a group is a number of cores; "max" and -1 are none.
    .filter((share) => share > 0 && Number.isFinite(share))
  const memory = groups.map(({ memory: limit }) =>
    memoryOf({ v2: limit ?? null, v1: v1 ?? null, machine: machine ?? null }),
  )
  return {
    cores: Math.min(availableParallelism(), ...shares.map((share) => Math.max(1, Math.floor(share)))),
    memoryBytes: memory.reduce((least, one) => (one === undefined || (least ?? one) < one ? least : one), undefined),
    disk: await diskOf(folder, root),
  }
}

/** The limits of the group (version 2) that this process is in, and of all above it: the least of them holds. */
async function groupsOf(
  root: string,
): Promise<{ readonly cpu: string | undefined; readonly memory: string | undefined }[]> {
  // Inside of a container it is the topmost; a service of systemd has one further down.
  const path = /^0::(\/.*)$/m.exec((await text(`${root}/proc/self/cgroup`)) ?? '')?.[1] ?? '/'
  const names = path.split('/').filter((name) => name !== '' && name !== '..')
  const folders = [...names.keys(), names.length].map((depth) => ['sys/fs/cgroup', ...names.slice(0, depth)].join('/'))
  return await Promise.all(
    folders.map(async (folder) => ({
      cpu: await text(`${root}/${folder}/cpu.max`),
      memory: await text(`${root}/${folder}/memory.max`),
    })),
  )
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
