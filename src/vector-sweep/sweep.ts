import { FleetError } from '../errors.js'
import { type Budget, createBudget } from './budget.js'
import { type BuildSettings, type Candidate, candidatesOf, describeCandidate } from './candidate.js'
import { chooseSetting, disturbance, markFront, type SweepPoint } from './choice.js'
import { type Extrapolation, effortFor, extrapolate } from './growth.js'
import { type InPlace, measureInPlace } from './in-place.js'
import { type Build, buildIndex, dropIndex } from './index-build.js'
import { readQueries } from './query-source.js'
import { drawSample, type Sample, sampleRowsMax, vectorBytes } from './sample.js'
import {
  compareExactly,
  type IterativeScan,
  type Measure,
  measureSearches,
  type Query,
  searchStatement,
} from './search-measure.js'
import { isTimeout, SweepSession } from './session.js'
import { assertFilters, type SampledSlice, type Slice } from './slice.js'
import { type ColumnQuestion, type ElementType, readColumn, type VectorColumn } from './vector-column.js'

/** What is swept, and how far. */
export interface SweepOptions extends ColumnQuestion {
  /** Of the server itself: a pooler is refused. */
  readonly url: string
  /** Rows that a search returns. */
  readonly k: number
  /** The recall that is wanted, 0 to 1. */
  readonly recall: number
  readonly builds: readonly BuildSettings[]
  /** Candidates of a search that are tried; those below k are left out. */
  readonly efSearch: readonly number[]
  /** One type of index alone. @default all that the column can have */
  readonly type?: ElementType
  /** Conditions on the table, each measured as a slice. */
  readonly filters: readonly string[]
  /** Vectors to search for: given, or of a table; undefined for rows of the table, held out. */
  readonly queries?: { readonly vectors: readonly (readonly number[])[] } | { readonly table: string }
  readonly queriesMax: number
  /** Most rows that are copied. @default 20,000, or as many as take 128 MB */
  readonly sampleRows?: number
  readonly budgetMs: number
  /** Most memory of a build, and of the copy, in bytes. */
  readonly memoryBytes: number
  /** Whether to measure the index that is there on the table itself, too: reads only. */
  readonly inPlace: boolean
  readonly signal: AbortSignal
  /** Told what is about to be done; ends the sweep by an error. */
  readonly agree: (plan: SweepPlan) => Promise<void>
  readonly progress?: (done: number, total: number, message: string) => void
}

/** What a sweep is about to do. */
export interface SweepPlan {
  readonly table: string
  readonly rows: number
  readonly bytes: number
  readonly builds: number
  readonly inPlace: boolean
}

/** What searches in a slice of the sample did. */
export interface SlicePoint extends Measure {
  readonly slice: Slice
  readonly build: Build
  readonly efSearch: number
  readonly iterativeScan: IterativeScan
}

/** What a sweep found. */
export interface VectorSweep {
  readonly column: VectorColumn
  readonly k: number
  readonly recall: number
  readonly sample: Omit<Sample, 'slices' | 'notes'> & { readonly queries: number }
  /** Comparing all rows of the sample, one by one. */
  readonly exact: { readonly p50: number; readonly p95: number }
  readonly builds: readonly Build[]
  readonly points: readonly SweepPoint[]
  readonly slices: readonly SlicePoint[]
  /** The setting to use; null when none reaches the recall. */
  readonly choice: SweepPoint | null
  /** What the whole table takes; null when it was copied whole, or nothing was chosen. */
  readonly extrapolation: Extrapolation | null
  /** The index that is there, on the table itself. */
  readonly inPlace: InPlace | null
  /** The time was over before all was measured. */
  readonly stopped: boolean
  readonly notes: readonly string[]
}

/** A part of the budget that is kept for what follows the choice. */
const RESERVE = 0.25
/** All rows are searched so often, and the least disturbed time counts: indexes are compared by it. */
const PASSES = 3
/** A sample of more rows than this part of the table tells of the whole as it is. */
const NEARLY_WHOLE = 0.9

/**
 * Measures settings of HNSW on a copy of a sample of a table: recall against the exact order of the same rows, latency, size and build time.
 * All that it makes is temporary and its session's own. It ends when its budget is spent, with what it has. Errors: those of `readColumn` and
 * `SweepSession.lend`, INPUT_INVALID for filters, queries or a table that cannot be measured, TIMEOUT when the budget ended before
 * anything was measured, ABORTED.
 */
export async function sweepVectors(options: SweepOptions): Promise<VectorSweep> {
  return await SweepSession.lend(options.url, options.signal, async (session) => {
    const column = await readColumn(session, options)
    await assertFilters(session, column, options.filters)
    const queries = await readQueries(session, column, options.queries, options.queriesMax)
    const candidates = candidatesOf(column, options.builds, options.type)
    const rowsMax = sampleRowsMax(column, options.sampleRows)
    const rows = column.rows > 0 ? Math.min(rowsMax, column.rows) : rowsMax
    await options.agree({
      table: column.table,
      rows,
      bytes: rows * vectorBytes(column),
      builds: candidates.length,
      inPlace: options.inPlace,
    })
    return await new Sweep(session, column, options, candidates).run(rowsMax, queries)
  })
}

class Sweep {
  readonly #session: SweepSession
  readonly #column: VectorColumn
  readonly #options: SweepOptions
  readonly #candidates: readonly Candidate[]
  readonly #budget: Budget
  readonly #notes: string[] = []
  readonly #builds: Build[] = []
  readonly #points: Omit<SweepPoint, 'onFront'>[] = []
  readonly #slicePoints: SlicePoint[] = []
  #stopped = false
  #searches = 0

  constructor(session: SweepSession, column: VectorColumn, options: SweepOptions, candidates: readonly Candidate[]) {
    this.#session = session
    this.#column = column
    this.#options = options
    this.#candidates = candidates
    this.#budget = createBudget(session, options.budgetMs)
  }

  async run(rowsMax: number, queries: readonly string[] | undefined): Promise<VectorSweep> {
    const { k, recall, queriesMax, filters, memoryBytes } = this.#options
    const total = this.#candidates.length + 1
    this.#options.progress?.(0, total, 'copying a sample')
    const { sample, truths, exact } = await this.#budget.spend('copying and comparing exactly', async () => {
      const drawn = await drawSample(this.#session, this.#column, {
        rowsMax,
        queriesMax,
        k,
        filters,
        queries,
        memoryBytes,
      })
      this.#options.progress?.(0, total, 'comparing exactly')
      return { sample: drawn, ...(await this.#compare(drawn.slices)) }
    })
    this.#notes.push(...this.#introduction(), ...sample.notes)
    await this.#session.set('enable_seqscan', 'off')
    await this.#grid(sample, truths, total)
    if (this.#points.length === 0) throw this.#budget.nothing()
    const points = markFront(this.#points)
    const choice = chooseSetting(points, recall) ?? null
    const extrapolation = choice === null ? null : await this.#follow(choice, points, sample, truths)
    this.#notes.push(...disturbance(points))
    const inPlace = this.#options.inPlace ? await this.#inPlace() : null
    const { rows, tableRows, whole, bytes } = sample
    return {
      column: this.#column,
      k,
      recall,
      sample: { rows, tableRows, whole, bytes, queries: sample.slices[0]?.queries ?? 0 },
      exact,
      builds: this.#builds,
      points,
      slices: this.#slicePoints,
      choice,
      extrapolation,
      inPlace,
      stopped: this.#stopped,
      notes: this.#notes,
    }
  }

  async #compare(slices: readonly SampledSlice[]) {
    const truths: Query[][] = []
    let exact = { p50: 0, p95: 0 }
    for (const [place, slice] of slices.entries()) {
      const { queries, p50, p95 } = await compareExactly(this.#session, this.#column, slice, place, this.#options.k)
      truths.push(queries)
      if (place === 0) exact = { p50, p95 }
    }
    return { truths, exact }
  }

  /** What is to be known before the figures. */
  #introduction(): string[] {
    const { pgvector, metric, metricFrom, indexes } = this.#column
    const others = indexes.filter(({ method, partial }) => method === 'ivfflat' || partial)
    return [
      ...pgvector.notes.map((note) => `${note}.`),
      ...(pgvector.iterative ? [] : ['Iterative scans were not measured: this pgvector has none.']),
      ...(metricFrom === 'default'
        ? [`No index tells by which distance is searched: ${metric} was taken; --metric says otherwise.`]
        : []),
      ...others.map(
        ({ name, method }) =>
          `${name} is ${method === 'ivfflat' ? 'IVFFlat' : 'partial'}: it was not measured as it is.`,
      ),
    ]
  }

  /** Builds one candidate after the other, and searches each with every ef_search. */
  async #grid(sample: Sample, truths: readonly Query[][], total: number): Promise<void> {
    const [all] = sample.slices
    const isFollowed = !sample.whole || sample.slices.length > 1
    for (const [place, candidate] of this.#candidates.entries()) {
      const reserve = isFollowed ? this.#options.budgetMs * RESERVE : 0
      if (this.#builds.length > 0 && this.#budget.leftMs() < reserve) {
        this.#stopped = true
        return
      }
      this.#options.progress?.(place, total, describeCandidate(candidate))
      const build = await this.#build(candidate, sample.rows)
      if (this.#stopped) return
      if (build === undefined || all === undefined) continue
      this.#builds.push(build)
      for (const efSearch of this.#efforts()) {
        const measure = await this.#measure(build, all, truths[0] ?? [], efSearch, 'off')
        if (measure === undefined) return
        this.#points.push({ ...measure, build, efSearch })
      }
      if (candidate.existing) await this.#slices(build, sample.slices, truths)
    }
  }

  /** What belongs to the choice: its slices, and what it takes among fewer rows, from which all rows are worked out. */
  async #follow(
    choice: SweepPoint,
    points: readonly SweepPoint[],
    sample: Sample,
    truths: readonly Query[][],
  ): Promise<Extrapolation | null> {
    const { build } = choice
    const total = this.#candidates.length + 1
    if (!build.existing && sample.slices.length > 1 && !this.#budget.isSpent()) {
      this.#options.progress?.(total - 1, total, `slices with ${describeCandidate(build)}`)
      const isThere = this.#builds.at(-1) === build
      if (isThere || (await this.#build(build, sample.rows)) !== undefined) {
        await this.#slices(build, sample.slices, truths)
      }
    }
    if (sample.rows >= sample.tableRows * NEARLY_WHOLE) return null
    const { recall } = this.#options
    const reached = effortFor(
      points.filter((point) => point.build === build),
      recall,
    )
    if (reached === null) return null
    this.#options.progress?.(total - 1, total, 'a quarter of the sample')
    const quarter = reached.isFirst ? null : await this.#quarter(build, sample)
    return extrapolate({ rows: sample.rows, efSearch: reached.efSearch }, quarter, sample.tableRows)
  }

  /** The candidates that the recall takes among a quarter of the sample, which is all that is left of it. */
  async #quarter(candidate: Candidate, sample: Sample) {
    const [all] = sample.slices
    if (all === undefined || this.#budget.isSpent()) return null
    await dropIndex(this.#session)
    await this.#session.query('delete from pgfleet_sweep_rows r where r.place % 4 <> 0')
    const rows = Math.round(sample.rows / 4)
    const compared = await this.#attempt(async () => {
      await this.#session.set('enable_seqscan', 'on')
      const slice = { ...all, rows }
      return await compareExactly(this.#session, this.#column, slice, 0, this.#options.k)
    })
    await this.#session.set('enable_seqscan', 'off')
    if (compared === undefined || (await this.#build(candidate, rows)) === undefined) return null
    const efforts: { efSearch: number; recall: number }[] = []
    for (const efSearch of this.#efforts()) {
      const measure = await this.#measure(candidate, all, compared.queries, efSearch, 'off')
      if (measure !== undefined) efforts.push({ efSearch, recall: measure.recall })
    }
    const reached = effortFor(efforts, this.#options.recall)
    return reached === null ? null : { rows, ...reached }
  }

  /** Searches each slice but the first, which is all rows, by every kind of scan. */
  async #slices(build: Build, slices: readonly SampledSlice[], truths: readonly Query[][]): Promise<void> {
    const scans: IterativeScan[] = this.#column.pgvector.iterative ? ['off', 'relaxed_order', 'strict_order'] : ['off']
    for (const [place, slice] of slices.entries()) {
      if (place === 0) continue
      const { condition: _, ...told } = slice
      for (const iterativeScan of scans) {
        for (const efSearch of this.#efforts()) {
          const measure = await this.#measure(build, slice, truths[place] ?? [], efSearch, iterativeScan)
          if (measure === undefined) return
          this.#slicePoints.push({ ...measure, slice: told, build, efSearch, iterativeScan })
        }
      }
    }
  }

  async #measure(
    candidate: Candidate,
    slice: SampledSlice,
    queries: readonly Query[],
    efSearch: number,
    iterativeScan: IterativeScan,
  ): Promise<Measure | undefined> {
    if (this.#budget.isSpent()) {
      this.#stopped = true
      return undefined
    }
    return await this.#attempt(async () => {
      await this.#session.set('hnsw.ef_search', efSearch)
      if (this.#column.pgvector.iterative) await this.#session.set('hnsw.iterative_scan', iterativeScan)
      const text = searchStatement(this.#column, candidate, slice.condition, this.#options.k)
      const name = `search_${this.#searches++}`
      const search = (vector: string) => this.#session.search<{ d: number }>(name, text, [vector])
      return await measureSearches(queries, search, slice.kind === 'all' ? PASSES : 1)
    })
  }

  /** Undefined when the time was over, or a vector does not fit the type. */
  async #build(candidate: Candidate, rows: number): Promise<Build | undefined> {
    try {
      const build = await this.#attempt(() =>
        buildIndex(this.#session, this.#column, candidate, rows, this.#options.memoryBytes),
      )
      if (build?.spilledAfter != null) {
        this.#notes.push(
          `The build of ${describeCandidate(candidate)} did not fit into its memory after ${build.spilledAfter} vectors, so it took longer than it has to: raise --memory.`,
        )
      }
      return build
    } catch (error) {
      if (!(error instanceof FleetError) || !String(error.details.sqlstate).startsWith('22')) throw error
      this.#notes.push(`${describeCandidate(candidate)} cannot be built: ${error.message}.`)
      return undefined
    }
  }

  async #inPlace(): Promise<InPlace | null> {
    const { k, queriesMax } = this.#options
    const found = await this.#attempt(() =>
      measureInPlace(this.#session, this.#column, { k, queriesMax, efforts: this.#efforts(), budget: this.#budget }),
    )
    if (found?.note !== undefined) this.#notes.push(found.note)
    return found?.inPlace ?? null
  }

  /** Undefined, and the sweep is stopped, when the time was over. */
  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      await this.#budget.limit()
      return await work()
    } catch (error) {
      if (!isTimeout(error) || this.#options.signal.aborted) throw error
      this.#stopped = true
      return undefined
    }
  }

  #efforts(): number[] {
    return this.#options.efSearch.filter((efSearch) => efSearch >= this.#options.k)
  }
}
