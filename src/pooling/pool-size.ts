/**
 * How many connections a server's processors keep busy: twice the cores, for while one statement waits for the disk or its
 * client another runs, and one for each disk that has to move a head. A rule of thumb, from the PostgreSQL wiki ("Number Of
 * Database Connections"): where to begin measuring, not where to end.
 * @param cores of the server's machine, from 1. @param spindles rotating disks that are not held in memory. @default 0
 */
export function poolSize(cores: number, spindles = 0): number {
  return cores * 2 + spindles
}

/** The settings of a server that bound its pools. */
export interface ServerLimits {
  readonly maxConnections: number
  /** Connections that it keeps for superusers, and for members of pg_use_reserved_connections. */
  readonly reservedConnections: number
}

/** How a server's connections are shared out. */
export interface ConnectionBudget extends ServerLimits {
  /** Kept for whoever comes without a pooler: migrations, monitoring, LISTEN, backups. */
  readonly directConnections: number
  /** What poolers and processes may open together. */
  readonly pooledConnections: number
}

/** What is left for pools. 0 or less: nothing is. */
export function connectionBudget(limits: ServerLimits, directConnections: number): ConnectionBudget {
  const { maxConnections, reservedConnections } = limits
  return { ...limits, directConnections, pooledConnections: maxConnections - reservedConnections - directConnections }
}
