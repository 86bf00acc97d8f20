/** One value of one series. Counters are the server's own totals: they fall when the server's statistics are reset. */
export interface Sample {
  /** The family's name. */
  readonly metric: string
  /** The labels, of the names that the family declares. */
  readonly labels: Readonly<Record<string, string>>
  /** In the unit that the name or the family's help tells. */
  readonly value: number
}

/** Which server answered, and in which life of it. A change of any of these ends what counters can be compared over. */
export interface ServerState {
  /** Made by initdb, the same for all replicas of a primary. Empty where the login may not read it. */
  readonly systemIdentifier: string
  /** Grows with each promotion. 0 where the login may not read it. */
  readonly timeline: number
  readonly startedAt: Date
  /** A replica, or a server that recovers. */
  readonly inRecovery: boolean
  /** 15 to 18. */
  readonly major: number
  /** `17.11`, without what a distribution adds. */
  readonly version: string
  /** The one that was connected to; what belongs to one database is read there alone. */
  readonly database: string
  readonly user: string
  /** The login sees the sessions and statistics of all users (pg_monitor). */
  readonly seesAll: boolean
}

/** A source that could not look, and why. */
export interface SourceFailure {
  /** The source's id; `connection` when the server did not answer at all. */
  readonly source: string
  /** One line, without secrets. */
  readonly reason: string
}

/** What one collection saw. Also made when the server is away: then it holds `pg_up` 0 and what the monitor knows itself. */
export interface Snapshot {
  /** This machine's time when the collection began. */
  readonly at: Date
  /** As last seen; undefined as long as it has never answered. */
  readonly server: ServerState | undefined
  /** Whether the server answered this time. */
  readonly isUp: boolean
  readonly samples: readonly Sample[]
  /** Sources that could not look this time; one that does not apply to this server is none. */
  readonly failures: readonly SourceFailure[]
  /** How long the collection took. */
  readonly milliseconds: number
}

/** Told of every snapshot, one after the other. One that fails is told of, and stops neither the loop nor another observer. */
export interface SnapshotObserver {
  /** Who it is, for messages. */
  readonly name: string
  /** `signal` fires when the monitor ends or the observer takes too long; what it would do then is left. */
  observe(snapshot: Snapshot, signal: AbortSignal): Promise<void>
  /** Once, at the end. */
  close(): Promise<void>
}

/** The key of a sample's series: equal for samples that differ in value alone. */
export function seriesOf({ metric, labels }: Sample): string {
  const names = Object.keys(labels).sort()
  return names.length === 0 ? metric : `${metric}${JSON.stringify(names.map((name) => [name, labels[name]]))}`
}
