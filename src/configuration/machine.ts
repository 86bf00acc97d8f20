import { z } from 'zod'
import { FleetError } from '../errors.js'
import { check } from '../input.js'

/** What the data lie on. `network` is a block device behind a network, as clouds attach them. */
export const DISKS = ['ssd', 'nvme', 'hdd', 'network'] as const
/** One of the kinds of disk. */
export type Disk = (typeof DISKS)[number]

/**
 * What the server is for: `oltp` many short statements, `analytics` few long ones, `mixed` both, `vectors` searches for what
 * is near.
 */
export const WORKLOADS = ['oltp', 'mixed', 'analytics', 'vectors'] as const
/** One of the workloads. */
export type WorkloadKind = (typeof WORKLOADS)[number]

/** The majors that configurations are advised for. */
export const VERSIONS = [15, 16, 17, 18] as const
/** One of the majors. */
export type Version = (typeof VERSIONS)[number]

const MB = 1024 ** 2

const schema = z.strictObject({
  /** Cores that the server may use. 1 to 4096. */
  cores: z.int().min(1).max(4096),
  /** Memory that is the server's: the machine's, its control group's, or the part that others leave. 256 MB to 64 TB. */
  memoryBytes: z
    .number()
    .min(256 * MB, 'from 256MB to 64TB is expected')
    .max(64 * 1024 ** 4, 'from 256MB to 64TB is expected'),
  disk: z.enum(DISKS).default('ssd'),
  version: z.literal([...VERSIONS]).default(17),
  workload: z.enum(WORKLOADS).default('mixed'),
  /** `max_connections`. 10 to 10,000. @default 100, or as many as fit into the memory */
  connections: z.int().min(10).max(10_000).optional(),
  /** Connections that work at the same time: the size of the pools before the server. @default twice the cores */
  activeConnections: z.int().min(1).max(10_000).optional(),
  /** Size of all databases; undefined when nobody knows. */
  databaseBytes: z.number().min(0).optional(),
  /** Size of the disk that the WAL lies on; undefined when nobody knows. 1 GB and more. */
  walDiskBytes: z
    .number()
    .min(1024 * MB, '1GB or more is expected')
    .optional(),
  /** WAL that is written in a busy second; undefined when it was not measured. */
  walBytesPerSecond: z.number().min(0).optional(),
  /** `shared_preload_libraries` as they are: they stay. */
  preloadedLibraries: z.array(z.string().min(1)).default([]),
})

/** A machine as it is described; what is left out has its default. */
export type MachineInput = z.input<typeof schema>

/** A machine, its server and what it is for. */
export type Machine = Readonly<z.output<typeof schema>> & {
  readonly connections: number
  readonly activeConnections: number
}

/** Memory that a session takes besides what it sorts and hashes: its caches, and its part of the tables of pages. */
const SESSION_BYTES = 2 * MB

/** Connections of a server whose settings nobody has chosen. */
const CONNECTIONS = 100

/** Connections whose sessions take a third of the memory: more do not fit. */
export function connectionsMax(memoryBytes: number): number {
  return Math.floor(memoryBytes / 3 / SESSION_BYTES)
}

/**
 * Checks a description, and puts the defaults in. Errors: INPUT_INVALID, whose field is a path like `machine.cores`; also when
 * sessions alone would take more than a third of the memory.
 */
export function resolveMachine(input: MachineInput): Machine {
  const machine = check('machine', schema, input)
  const most = connectionsMax(machine.memoryBytes)
  const connections = machine.connections ?? Math.min(CONNECTIONS, most)
  if (connections > most) {
    throw new FleetError('INPUT_INVALID', {
      message: `machine.connections: ${connections} connections do not fit into ${Math.round(machine.memoryBytes / MB)} MB; ${most} do`,
      field: 'machine.connections',
      hint: 'Put a pooler before the server, and give it fewer connections.',
    })
  }
  const active = Math.min(machine.activeConnections ?? 2 * machine.cores, connections)
  return Object.freeze({ ...machine, connections, activeConnections: active })
}
