import { toWalPosition, type WalPosition } from '../replicas/wal-position.js'
import { statement } from '../statement.js'
import { quorumOf } from './quorum.js'
import { Server } from './server.js'

/** A standby as its primary sees it. */
export interface StandbyReport {
  /** Its application_name, which is its cluster_name unless told otherwise. */
  readonly name: string
  /** `streaming` when it follows; null for a login without pg_monitor. */
  readonly state: string | null
  /** Whether commits wait for it: `quorum`, `sync`, `potential` or `async`. */
  readonly sync: string | null
  /** What of the primary's log it does not have on disk yet, in bytes. */
  readonly lagBytes: number | null
}

/** A server of several, as it was when it was asked. */
export interface ServerReport {
  /** Host, port and database. */
  readonly name: string
  readonly role: 'primary' | 'standby' | 'unreachable'
  /** Which life of the cluster it writes or follows. */
  readonly timeline: number | null
  /** Where its log ends: what a primary has on disk, and a standby has received. */
  readonly position: string | null
  /** Bytes by which it is behind the furthest of them. */
  readonly behindBytes: number | null
  /** `synchronous_standby_names`: for whom commits wait, were it the primary. */
  readonly synchronous: string
  /** Of a primary: its standbys. */
  readonly standbys: readonly StandbyReport[]
  /** Of a standby: true while it receives from a primary; null for a login without pg_monitor. */
  readonly receives: boolean | null
  /** Commits that wait for standbys at the moment. */
  readonly waiting: number
  /** Why it did not answer. */
  readonly error: string | null
}

/** What several servers are, and what is wrong with that. */
export interface ClusterReport {
  readonly servers: readonly ServerReport[]
  /** The one that takes writes, if it is one alone. */
  readonly primary: string | null
  /** Without a primary: the standby with most of the log. */
  readonly candidate: string | null
  /** What an operator has to do something about, in sentences. */
  readonly problems: readonly string[]
  /** What an operator may want to know. */
  readonly notes: readonly string[]
}

/** What a server answers. */
interface Row extends Omit<ServerReport, 'name' | 'role' | 'behindBytes' | 'error'> {
  readonly recovering: boolean
}

export const SERVER_REPORT = statement<Row>(
  'platform.server_report',
  `select r.recovering,
    case when r.recovering then coalesce((select w.received_tli from pg_stat_wal_receiver w),
        (select c.timeline_id from pg_control_checkpoint() c))
      else ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::integer end as timeline,
    p.position::text as position,
    current_setting('synchronous_standby_names') as synchronous,
    coalesce((select jsonb_agg(jsonb_build_object('name', s.application_name, 'state', s.state, 'sync', s.sync_state,
        'lagBytes', pg_wal_lsn_diff(p.position, s.flush_lsn)) order by s.application_name)
      from pg_stat_replication s), '[]') as standbys,
    case when not r.recovering then null else (select count(w.pid) > 0 from pg_stat_wal_receiver w
      where w.status is null or w.status = 'streaming') end as receives,
    (select count(*)::integer from pg_stat_activity a where a.wait_event = 'SyncRep') as waiting
  from (select pg_is_in_recovery() as recovering) r,
    lateral (select case when r.recovering then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
      else pg_current_wal_flush_lsn() end as position) p`,
)

/** Asks every server, each for at most so many milliseconds. Changes nothing, and never rejects for one that does not answer. */
export async function reportServers(urls: readonly string[], limitMs: number): Promise<ClusterReport> {
  const answers = await Promise.all(
    urls.map(async (url) => {
      const server = new Server(url)
      try {
        return { name: server.name, row: await server.query(SERVER_REPORT, limitMs) }
      } catch (error) {
        return { name: server.name, row: error as Error }
      } finally {
        server.close()
      }
    }),
  )
  const positions = answers.flatMap(({ row }) => (row instanceof Error ? [] : [positionOf(row)]))
  const furthest = positions.reduce((most, position) => (position > most ? position : most), 0n)
  return judge(answers.map(({ name, row }) => toReport(name, row, furthest)))
}

function toReport(name: string, row: Row | Error, furthest: WalPosition): ServerReport {
  if (row instanceof Error) {
    const nothing = { timeline: null, position: null, behindBytes: null, synchronous: '', standbys: [], receives: null }
    return { name, role: 'unreachable', ...nothing, waiting: 0, error: row.message || 'no reason given' }
  }
  const { recovering, ...rest } = row
  const behindBytes = row.position === null ? null : Number(furthest - positionOf(row))
  return { name, role: recovering ? 'standby' : 'primary', ...rest, behindBytes, error: null }
}

function positionOf({ position }: { readonly position: string | null }): WalPosition {
  return position === null ? 0n : toWalPosition(position)
}

/** What is wrong, worst first. */
function judge(servers: readonly ServerReport[]): ClusterReport {
  const of = (role: ServerReport['role']) => servers.filter((server) => server.role === role)
  const [primaries, standbys, lost] = [of('primary'), of('standby'), of('unreachable')]
  const newest = Math.max(0, ...primaries.map(({ timeline }) => timeline ?? 0))
  const primary = primaries.length === 1 ? (primaries[0] as ServerReport) : undefined
  const candidate = primaries.length === 0 ? furthestOf(standbys) : undefined
  const problems: string[] = []
  const notes: string[] = []
  if (primaries.length > 1) {
    for (const { name, timeline } of primaries) {
      problems.push(
        timeline === newest
          ? `${name} takes writes, on timeline ${timeline}.`
          : `${name} takes writes too, on the old timeline ${timeline}: stop it, and rewind it.`,
      )
    }
  }
  if (candidate !== undefined) {
    problems.push(`No server takes writes. Of those that answer ${candidate.name} has most of the log: promote it.`)
    if (lost.length > 0) {
      notes.push('A standby that does not answer may have more of the log than the one to promote: ask it first.')
    }
  } else if (primaries.length === 0) problems.push('No server takes writes, and there is no standby to promote.')
  for (const { name, error } of lost) problems.push(`${name} does not answer: ${error}`)
  if (primary !== undefined) {
    const { wanted, counted } = quorumOf(primary.synchronous, primary.standbys)
    if (counted < wanted) {
      problems.push(
        `Commits wait for ${wanted} of ${primary.synchronous}, and ${counted} follow: no durable write is told as done.`,
      )
    }
    if (wanted === 0 && standbys.length > 0) {
      notes.push('Commits wait for no standby (synchronous_standby_names): a fail-over may lose the last ones.')
    }
    for (const { name, timeline, receives } of standbys) {
      if (timeline !== null && primary.timeline !== null && timeline < primary.timeline) {
        problems.push(
          `${name} is on timeline ${timeline}, the primary on ${primary.timeline}: it follows another, or none.`,
        )
      } else if (receives === false) problems.push(`${name} receives nothing: see its primary_conninfo, and its log.`)
    }
    if (primary.waiting > 0) notes.push(`Commits that wait for standbys at the moment: ${primary.waiting}.`)
  }
  return { servers, primary: primary?.name ?? null, candidate: candidate?.name ?? null, problems, notes }
}

function furthestOf(standbys: readonly ServerReport[]): ServerReport | undefined {
  const newer = (a: ServerReport, b: ServerReport) =>
    (a.timeline ?? 0) - (b.timeline ?? 0) || (positionOf(a) > positionOf(b) ? 1 : -1)
  return standbys.reduce<ServerReport | undefined>(
    (most, standby) => (most === undefined || newer(standby, most) > 0 ? standby : most),
    undefined,
  )
}
