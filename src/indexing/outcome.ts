import { redact } from '../doctor/redact.js'
import type { ServerFacts } from '../doctor/server.js'
import type { CreateAdvice, DropAdvice, IndexAdvice, InvalidIndex, RejectedAdvice } from './advice.js'
import type { Catalog, ExistingIndex, Table } from './catalog.js'
import { creationOf } from './creation.js'
import { type IndexDefinition, serves, tableName, titleOf } from './definition.js'
import type { DropCandidate, PlannedStatement, Watched } from './drops.js'
import { isOn } from './estimate.js'
import type { Planner } from './planner.js'
import type { Observation, ReplicaScans } from './replicas.js'
import type { Ruling } from './rules.js'
import type { Rejected, Selection, SelectionModel } from './selection.js'
import type { Workload, WorkloadStatement } from './workload.js'
import type { WriteLoad } from './write-load.js'

/** All that was found out. */
export interface OutcomeContent {
  readonly facts: ServerFacts
  readonly workload: Workload
  readonly catalog: Catalog
  readonly planner: Planner
  readonly model: SelectionModel
  readonly planned: readonly PlannedStatement[]
  readonly unplanned: IndexAdvice['workload']['unplanned']
  readonly selection: Selection
  readonly rules: Ruling
  readonly drops: readonly DropCandidate[]
  readonly watched: Watched
  readonly observed: Observation
  readonly writeLoad: WriteLoad
  readonly replicas: readonly ReplicaScans[]
  readonly schemas: readonly string[] | undefined
}

/** Rejected candidates that are told: the others differ little from these. */
const REJECTED_MAX = 5

/** Writes down what was found out as advice. */
export function writeAdvice(content: OutcomeContent): IndexAdvice {
  const {
    facts,
    workload,
    catalog,
    planner,
    planned,
    unplanned,
    selection,
    drops,
    watched,
    observed,
    writeLoad,
    replicas,
  } = content
  const total = content.model.statements.reduce(
    (sum, { weight }, n) => sum + weight * (planned[n]?.planned.cost ?? 0),
    0,
  )
  const saved = content.model.statements.reduce(
    (sum, { weight }, n) => sum + weight * Math.max(0, (planned[n]?.planned.cost ?? 0) - (selection.costs[n] ?? 0)),
    0,
  )
  return {
    database: facts.database,
    version: facts.version,
    at: facts.now,
    imagined: planner.imagines,
    workload: {
      source: workload.source,
      since: workload.since ?? null,
      statements: planned.filter(({ statement }) => statement.foreignKey === undefined).length + unplanned.length,
      planned: planned.filter(({ statement }) => statement.foreignKey === undefined).length,
      unplanned,
      hidden: workload.hidden,
      seldom: workload.seldom,
      savedShare: total === 0 ? 0 : saved / total,
    },
    observation: {
      seconds: watched.seconds,
      wanted: watched.wanted,
      standbys: observed.standbys,
      replicas: replicas.length,
    },
    create: creations(content, total),
    rejected: rejections(selection.rejected),
    drop: drops.map(dropAdvice),
    invalid: catalog.indexes.flatMap((index) => invalidIndex(index, catalog) ?? []),
    hot: writeLoad.hotBreaks(),
    notes: notesOf(content),
  }
}

function creations(
  { catalog, planner, planned, selection, rules, writeLoad, schemas }: OutcomeContent,
  total: number,
): CreateAdvice[] {
  const taken = new Set(catalog.indexes.map(({ name }) => name.split('.').at(-1)?.replaceAll('"', '') ?? name))
  const made: CreateAdvice[] = []
  const chosen: IndexDefinition[] = []
  const add = (
    definition: IndexDefinition,
    table: Table,
    more: Omit<CreateAdvice, 'table' | 'index' | 'sql' | 'writes' | 'replaces'>,
  ) => {
    const sql = creationOf(definition, table, taken)
    for (const text of sql) taken.add(/^create index (?:concurrently )?"?([^"\s]+)/.exec(text)?.[1] ?? '')
    made.push({
      table: tableName(definition),
      index: titleOf(definition),
      sql,
      writes: writeLoad.costOf(definition, table, chosen),
      replaces: catalog.indexes
        .filter((index) => index.tableOid === table.oid && isReplaced(definition, index))
        .map(({ name }) => name),
      ...more,
    })
    chosen.push(definition)
  }
  for (const { definition, bytes, helps, beside, saved } of selection.chosen) {
    const table = catalog.tables.find((each) => isOn(each, definition))
    if (table === undefined) continue
    add(definition, table, {
      by: planner.imagines ? 'planner' : 'statistics',
      why: '',
      bytes,
      helps: helps.map(({ statement, before, after }) => ({ ...toldOf(planned[statement]?.statement), before, after })),
      savedShare: total === 0 ? 0 : saved / total,
      beside: beside.map(titleOf),
    })
  }
  for (const { definition, why, statements } of rules.indexes) {
    const table = catalog.tables.find((each) => isOn(each, definition))
    if (table === undefined || (schemas !== undefined && !schemas.includes(table.schema))) continue
    const helps = statements.map((n) => ({ ...toldOf(planned[n]?.statement), before: null, after: null }))
    add(definition, table, { by: 'rule', why, bytes: null, helps, savedShare: null, beside: [] })
  }
  return made
}

function toldOf(statement: WorkloadStatement | undefined): { statement: string; calls: number | null } {
  if (statement?.foreignKey !== undefined)
    return {
      statement: `deletions: the check of foreign key ${statement.foreignKey}`,
      calls: Math.round(statement.calls ?? 0),
    }
  return { statement: redact(statement?.query ?? ''), calls: statement?.calls ?? null }
}

/** An index that nothing but queries keeps, and that the new one serves. */
function isReplaced(
  definition: IndexDefinition,
  { method, keys, include, predicate, isUnique, duties }: ExistingIndex,
): boolean {
  if (isUnique || duties.length > 0 || method !== 'btree' || keys.length >= definition.keys.length + 1) return false
  const narrow = { ...definition, keys, include, equalities: 0 }
  const { predicate: _, ...whole } = narrow
  return serves(
    definition,
    predicate === undefined ? whole : { ...whole, predicate: { text: predicate.text, columns: [] } },
  )
}

const REASONS: Readonly<Record<Rejected['reason'], string>> = {
  size: 'it is larger than what is left of the size budget',
  writes: 'writing would pay more for it than statements save',
  'write budget': 'writing to its table would become dearer than the write budget allows',
}

function rejections(rejected: readonly Rejected[]): RejectedAdvice[] {
  return rejected
    .slice(0, REJECTED_MAX)
    .map(({ indexes, reason }) => ({ index: indexes.map(titleOf).join(' and '), reason: REASONS[reason] }))
}

function dropAdvice({ index, kind, by, keptBecause, planned }: DropCandidate): DropAdvice {
  const { name, schema, table, definition, bytes, scans } = index
  return {
    table: tableName({ schema, table }),
    index: name,
    definition,
    bytes,
    scans,
    kind,
    by: by ?? null,
    keptBecause: keptBecause ?? null,
    planned,
    sql: keptBecause === undefined ? [`drop index concurrently ${name}`] : [],
    undo: definition.replace(/^CREATE INDEX /, 'create index concurrently '),
  }
}

/** What a build that failed has left: it costs writes and serves nobody. */
function invalidIndex(index: ExistingIndex, { indexes }: Catalog): InvalidIndex | undefined {
  const { isValid, isBuilding, name, schema, table, bytes, identity, duties, isUnique } = index
  if (isValid || isBuilding || duties.some((duty) => /partitioned/.test(duty))) return undefined
  const twin = indexes.find(
    (other) => other.isValid && other.tableOid === index.tableOid && other.identity === identity,
  )
  const isLeftover = /_cc(new|old)\d*"?$/.test(name)
  const goes = (twin !== undefined || isLeftover) && (!isUnique || isLeftover || twin?.isUnique === true)
  return {
    table: tableName({ schema, table }),
    index: name,
    bytes,
    sql: [goes ? `drop index concurrently ${name}` : `reindex index concurrently ${name}`],
    why: goes
      ? `A build has left it behind${twin === undefined ? '' : `; ${twin.name} does its work`}. Every write pays for it.`
      : 'Its build failed: every write pays for it, and no statement uses it. Build it anew, or drop it.',
  }
}

function notesOf({ facts, planner, workload, rules, selection, planned }: OutcomeContent): string[] {
  return [
    ...(planner.imagines
      ? []
      : [
          facts.extensions.hypopg === undefined
            ? 'hypopg is not installed here: costs with an index are estimated by statistics of columns, joins are not, and no index is advised to be dropped. create extension hypopg does better.'
            : `hypopg ${facts.extensions.hypopg.version} cannot hide indexes: statistics were used; 1.4 does better.`,
        ]),
    ...(workload.hidden > 0
      ? [`${workload.hidden} statements are hidden from this login: grant pg_read_all_stats to it.`]
      : []),
    ...(facts.inRecovery ? ['This is a standby: create indexes on the primary.'] : []),
    ...(workload.source === 'file' &&
    planned.every(({ statement }) => statement.calls === undefined || statement.foreignKey !== undefined)
      ? [
          'The file does not tell how often statements run (-- calls: 1200): what writing pays is told, and not weighed.',
        ]
      : []),
    ...(selection.isCut ? ['The time was over before every index was tried: allow more with --budget.'] : []),
    ...rules.notes,
  ]
}
