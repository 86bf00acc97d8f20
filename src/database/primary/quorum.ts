/** For how many standbys commits wait, and how many there are of those. */
export interface Quorum {
  /** 0 when commits wait for none. */
  readonly wanted: number
  readonly counted: number
}

/** A standby of pg_stat_replication; its state is null for a login without pg_monitor, which does not see how it is. */
interface Standby {
  readonly state: string | null
  readonly sync: string | null
}

/** What `synchronous_standby_names` asks for, and which of the standbys count for it. */
export function quorumOf(synchronous: string, standbys: readonly Standby[]): Quorum {
  if (synchronous.trim() === '') return { wanted: 0, counted: 0 }
  const [, number = '1'] = /^\s*(?:(?:any|first)\s+)?(\d+)\s*\(/i.exec(synchronous) ?? []
  const counted = standbys.filter(
    ({ sync, state }) => state === null || (state === 'streaming' && (sync === 'sync' || sync === 'quorum')),
  )
  return { wanted: Number(number), counted: counted.length }
}
