import type { Catalog, ExistingIndex } from './catalog.js'
import { keyText } from './definition.js'
import type { StatementDemand } from './demand.js'
import { isPlanned, type Planned, type Planner } from './planner.js'
import type { ReplicaScans } from './replicas.js'
import type { WorkloadStatement } from './workload.js'

/** Why an index might go. */
export type DropKind = 'duplicate' | 'redundant' | 'unused'

/** An index that may go, or the reason why it stays. */
export interface DropCandidate {
  readonly index: ExistingIndex
  readonly kind: DropKind
  /** The index that does what this one does; undefined for one that nobody uses. */
  readonly by: string | undefined
  /** Why it stays all the same; undefined when it may go. */
  readonly keptBecause: string | undefined
  /** Statements on its table that were planned without it. */
  readonly planned: number
}

/** What is known of how long servers were watched. */
export interface Watched {
  /** Seconds for which all of them, and the workload, have been counted. */
  readonly seconds: number
  /** Seconds that are asked for. */
  readonly wanted: number
  /** Why no index may be dropped here at all. */
  readonly blind: string | undefined
  readonly replicas: readonly ReplicaScans[]
  readonly now: Date
}

/** A statement that was planned, with what it wants. */
export interface PlannedStatement {
  readonly statement: WorkloadStatement
  readonly demand: StatementDemand
  readonly planned: Planned
}

/** A plan that costs so much more without the index needs it. */
const WORSE = 1.1
/** An index that was scanned within a day is in use, however short a window is asked for. In seconds. */
const IDLE_MIN = 86_400
/** Smaller indexes that nobody uses are not worth a word. */
const UNUSED_BYTES_MIN = 65_536

/**
 * Judges indexes that another serves or nobody uses, the largest first: each is hidden beside those that may go already, and the
 * whole workload is planned without it.
 */
export async function judgeDrops(
  { indexes }: Catalog,
  statements: readonly PlannedStatement[],
  planner: Planner,
  watched: Watched,
  progress: (done: number, total: number) => void,
): Promise<DropCandidate[]> {
  // What another does goes before what nobody uses: of twins that nobody has scanned yet one may be wanted.
  const candidates = indexes
    .flatMap((index) => candidateOf(index, indexes, watched) ?? [])
    .toSorted((a, b) => Number(a.kind === 'unused') - Number(b.kind === 'unused'))
  const judged: DropCandidate[] = []
  for (const [n, candidate] of candidates.entries()) {
    progress(n, candidates.length)
    const gone = judged.filter(({ keptBecause }) => keptBecause === undefined).map(({ index }) => index)
    // What does the work of this one has to stay.
    const isOrphan = candidate.by !== undefined && gone.some(({ name }) => name === candidate.by)
    const reason = isOrphan ? `${candidate.by} goes already` : reasonToKeep(candidate.index, watched, planner)
    if (reason !== undefined) {
      judged.push({ ...candidate, keptBecause: reason, planned: 0 })
      continue
    }
    judged.push({ ...candidate, ...(await hide(candidate.index, gone, statements, planner)) })
  }
  return judged
}

function candidateOf(
  index: ExistingIndex,
  all: readonly ExistingIndex[],
  watched: Watched,
): Pick<DropCandidate, 'index' | 'kind' | 'by'> | undefined {
  if (!index.isValid || index.isBuilding || index.isUnique || index.duties.length > 0) return undefined
  const others = all.filter(({ tableOid, oid, isValid }) => tableOid === index.tableOid && oid !== index.oid && isValid)
  const twin = others.find(
    (other) =>
      other.identity === index.identity && (other.isUnique || other.duties.length > 0 || isBetter(other, index)),
  )
  if (twin !== undefined) return { index, kind: 'duplicate', by: twin.name }
  const wider = others.find((other) => contains(other, index))
  if (wider !== undefined) return { index, kind: 'redundant', by: wider.name }
  if (index.bytes < UNUSED_BYTES_MIN || !isIdle(index, watched)) return undefined
  return { index, kind: 'unused', by: undefined }
}

/** Of twins the one that is scanned more stays, then the older one. */
const isBetter = (a: ExistingIndex, b: ExistingIndex) => a.scans > b.scans || (a.scans === b.scans && a.oid < b.oid)

/** The keys of a B-tree begin another, which has the same condition and stores what it stores. A wider one that nobody uses is no reason. */
function contains(wide: ExistingIndex, narrow: ExistingIndex): boolean {
  if (wide.method !== 'btree' || narrow.method !== 'btree' || wide.keys.length < narrow.keys.length) return false
  if (wide.keys.length === narrow.keys.length && !(wide.isUnique || wide.include.length > narrow.include.length))
    return false
  if (wide.predicate?.text !== narrow.predicate?.text || (wide.scans === 0 && narrow.scans > 0)) return false
  const stored = new Set([...wide.include, ...wide.keys.flatMap(({ columns }) => columns)])
  return (
    narrow.keys.every((key, n) => wide.keys[n] !== undefined && keyText(key) === keyText(wide.keys[n])) &&
    narrow.include.every((column) => stored.has(column))
  )
}

/** No server has scanned it within the time that is asked for. */
function isIdle({ oid, scans, lastScan }: ExistingIndex, { replicas, wanted, now }: Watched): boolean {
  const here =
    scans === 0 || (lastScan !== undefined && (now.getTime() - lastScan.getTime()) / 1000 >= Math.max(wanted, IDLE_MIN))
  return here && replicas.every(({ scans: counted }) => isIdleThere(counted.get(oid), wanted))
}

const isIdleThere = (counted: { scans: number; idle: number | undefined } | undefined, wanted: number) =>
  counted === undefined || counted.scans === 0 || (counted.idle ?? 0) >= Math.max(wanted, IDLE_MIN)

function reasonToKeep(index: ExistingIndex, { blind, seconds, wanted }: Watched, planner: Planner): string | undefined {
  if (blind !== undefined) return blind
  if (seconds < wanted) return `it was watched for ${days(seconds)} of the ${days(wanted)} that are asked for`
  if (!planner.imagines) return 'without hypopg 1.4 nobody can try the workload without it'
  if (index.duties.length > 0) return index.duties.join(', ')
  return undefined
}

const days = (seconds: number) => `${(seconds / 86_400).toFixed(1)} days`

/** Plans what touches its table with it hidden. */
async function hide(
  index: ExistingIndex,
  gone: readonly ExistingIndex[],
  statements: readonly PlannedStatement[],
  planner: Planner,
): Promise<{ keptBecause: string | undefined; planned: number }> {
  const touching = statements.filter(({ demand }) => [...demand.tables].some(({ oid }) => oid === index.tableOid))
  const hidden = [...gone, index].map(({ oid }) => oid)
  const without = await planner.plan(
    touching.map(({ statement }) => statement),
    { hidden },
  )
  const worse = touching
    .map(({ planned, statement }, n) => {
      const then = without[n]
      return {
        statement,
        factor:
          then === undefined || !isPlanned(then) ? Number.POSITIVE_INFINITY : then.cost / Math.max(planned.cost, 1e-9),
      }
    })
    .filter(({ factor }) => factor > WORSE)
    .toSorted((a, b) => b.factor - a.factor)
  const [worst] = worse
  const keptBecause =
    worst === undefined
      ? undefined
      : Number.isFinite(worst.factor)
        ? `${worse.length === 1 ? 'a statement' : `${worse.length} statements`} would cost up to ${worst.factor.toFixed(1)} times as much without it`
        : 'a statement could not be planned without it'
  return { keptBecause, planned: touching.length }
}
