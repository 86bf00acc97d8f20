import { reasonOf } from '../../doctor/refusal.js'
import { FleetError, isFleetError } from '../../errors.js'
import { shortTime } from '../../top/amounts.js'
import type { Detail } from '../../top/details/detail.js'
import { endSession } from '../../top/end-session.js'
import { type Look, withLook } from '../../top/look.js'
import type { Looks, Panel, PanelId, Target, View } from '../../top/panel.js'
import { panelOf } from '../../top/panels/index.js'
import type { Reader } from '../../top/reader.js'
import type { Context } from '../context.js'
import { EXIT, withoutPasswords } from '../failure.js'
import { detailLines, detailPageOf, drawFrame, pageOf, type Scene } from './frame.js'
import { keysOf } from './keys.js'
import { paintLine } from './paint.js'
import { openScreen, type Screen } from './screen.js'
import { arrange, type Effect, initialState, press, type State, sortingOf } from './state.js'

/** How the live view begins, and what it may do. */
export interface LiveOptions {
  readonly panel: PanelId
  readonly intervalMs: number
  readonly allowCancel: boolean
  /** Where it looks, in words. */
  readonly where: string
}

/** Milliseconds after which a server that was lost is tried again. */
const RETRY_MS = 1000
/** The first rates come sooner than a whole interval, in milliseconds. */
const FIRST_MS = 1000
/** Most texts of statements that are kept. */
const TEXTS_MAX = 5000
/** Most keys that wait for what they ask for: of what is typed faster, the rest is left out. */
const EFFECTS_MAX = 20

const EMPTY: View<never> = { rows: [], notes: [] }

/** Draws and reads until it is left. Returns the exit code. */
export async function runLive(context: Context, reader: Reader, options: LiveOptions): Promise<number> {
  // Before the screen is taken: what is wrong here ends the command as any other.
  await reader.server()
  const live = new Live(context, reader, options)
  return await live.run()
}

class Live {
  readonly #context: Context
  readonly #reader: Reader
  readonly #options: LiveOptions
  readonly #texts = new Map<string, string>()
  readonly #kept = new Map<PanelId, readonly Look[]>()
  readonly #effects: Effect[] = []
  #state: State
  #screen: Screen | undefined
  #server = ''
  #view: View<Scene['rows'][number]> = EMPTY
  #detail: Detail | undefined
  #lost: string | undefined
  #isGone = false
  #dueAt = 0
  #drawAt = 0
  #wake = () => {}

  constructor(context: Context, reader: Reader, options: LiveOptions) {
    this.#context = context
    this.#reader = reader
    this.#options = options
    this.#state = initialState(options.panel, options.intervalMs)
  }

  async run(): Promise<number> {
    const { signal } = this.#context
    const stop = () => this.#wake()
    signal.addEventListener('abort', stop)
    this.#screen = openScreen({
      keys: (sent) => this.#typed(sent),
      redraw: () => this.#draw(),
      lost: () => {
        this.#isGone = true
        this.#wake()
      },
    })
    try {
      this.#draw()
      while (!this.#isOver) await this.#step()
    } finally {
      signal.removeEventListener('abort', stop)
      this.#screen.close()
    }
    return this.#state.isDone ? EXIT.ok : EXIT.interrupted
  }

  get #isOver(): boolean {
    return this.#state.isDone || this.#isGone || this.#context.signal.aborted
  }

  /** One effect or one look, or a wait for the next. Leaving does not wait for the server. */
  async #step(): Promise<void> {
    const effect = this.#effects.shift()
    const work =
      effect !== undefined
        ? this.#do(effect)
        : performance.now() >= this.#dueAt && !this.#state.isPaused
          ? this.#read()
          : undefined
    if (work === undefined) {
      await this.#woken(this.#state.isPaused ? 60_000 : this.#dueAt - performance.now())
      return
    }
    let isWorking = true
    const worked = work
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        isWorking = false
        this.#wake()
      })
    while (isWorking && !this.#isOver) await this.#woken(60_000)
    if (!isWorking) await worked
  }

  async #woken(milliseconds: number): Promise<void> {
    if (this.#isOver || this.#effects.length > 0) {
      // What is being worked at has its turn all the same.
      await new Promise((resolve) => setImmediate(resolve))
      return
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, milliseconds))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = () => {}
  }

  async #do(effect: Effect): Promise<void> {
    if (effect.kind === 'read') {
      this.#refresh()
      this.#dueAt = 0
      return
    }
    if (effect.kind === 'open') return await this.#open(effect.target)
    if (effect.kind === 'end') {
      const { ending, pid, begun } = effect
      const done = await endSession(this.#reader, ending, pid, begun)
      const what = ending === 'cancel' ? `the statement of ${pid} was cancelled` : `session ${pid} was ended`
      this.#tell(done ? what : `nothing was done: session ${pid} is gone`)
      this.#dueAt = 0
    }
  }

  async #open(target: Target): Promise<void> {
    this.#detail = undefined
    this.#draw()
    // Loaded when it is wanted: explaining a plan takes more code than all panels.
    const { readDetail } = await import('../../top/details/index.js')
    const detail = await readDetail(this.#reader, target, this.#screen?.columns ?? 80)
    if (this.#state.detail?.target !== target) return
    this.#detail = detail
    this.#draw()
  }

  async #read(): Promise<void> {
    const panel = panelOf(this.#state.panel)
    const started = performance.now()
    const kept = this.#kept.get(panel.id) ?? []
    const look = await this.#reader.look(panel)
    const { version } = await this.#reader.server()
    this.#lost = undefined
    this.#server = `${version} ${look.inRecovery ? 'standby' : 'primary'}, up ${shortTime(look.at - look.startedAt)}`
    const looks = withLook(kept, look)
    this.#kept.set(panel.id, looks)
    const missing = panel.texts?.missing(this.#looks(looks)) ?? []
    if (missing.length > 0) {
      const texts = await this.#reader.texts(panel, missing)
      for (const [key, text] of texts) this.#texts.set(key, text)
      for (const key of [...this.#texts.keys()].slice(0, Math.max(0, this.#texts.size - TEXTS_MAX)))
        this.#texts.delete(key)
    }
    const { intervalMs, detail } = this.#state
    const pace = panel.sampleMs ?? Math.max(intervalMs, panel.paceMs ?? 0)
    this.#dueAt = started + (looks.length === 1 ? Math.min(pace, FIRST_MS) : pace)
    if (detail?.target.kind === 'session' && this.#effects.length < EFFECTS_MAX) await this.#open(detail.target)
    if (this.#state.panel !== panel.id || (performance.now() < this.#drawAt && looks.length > 2)) return
    this.#drawAt = performance.now() + intervalMs - 20
    this.#refresh()
  }

  #looks(minute: readonly Look[]): Looks<unknown> {
    return { now: minute.at(-1) as Look, before: minute.at(-2), minute, texts: this.#texts }
  }

  #refresh(): void {
    this.#see()
    this.#draw()
  }

  #see(): void {
    const kept = this.#kept.get(this.#state.panel) ?? []
    this.#view = kept.length === 0 ? EMPTY : panelOf(this.#state.panel).view(this.#looks(kept))
  }

  #failed(error: unknown): void {
    // A lost connection is made again, and rates begin anew; all else is told.
    if (isFleetError(error, 'DATABASE_UNEXAMINED')) {
      this.#lost = withoutPasswords(error.message.replace(/^no connection: /, ''))
      this.#dueAt = performance.now() + RETRY_MS
      this.#draw()
      return
    }
    if (error instanceof TypeError || error instanceof RangeError) throw error
    this.#dueAt = performance.now() + this.#state.intervalMs
    this.#tell(error instanceof FleetError ? error.message : reasonOf(error))
  }

  #tell(message: string): void {
    this.#state = { ...this.#state, message }
    this.#draw()
  }

  #typed(sent: string): void {
    for (const key of keysOf(sent)) {
      const { rows = 24, columns = 80 } = this.#screen ?? {}
      const before = this.#state
      const scene = this.#scene()
      const { state, effect } = press(before, key, {
        rows: scene.rows,
        page: before.detail === undefined ? pageOf(rows, scene.notes.length) : detailPageOf(rows),
        lines: before.detail === undefined ? 0 : detailLines(this.#detail, columns).length,
        allowCancel: this.#options.allowCancel,
      })
      this.#state = state
      if (before.panel !== state.panel) this.#left(panelOf(before.panel))
      if (effect !== undefined) this.#took(effect)
    }
    this.#draw()
    this.#wake()
  }

  /** Another panel is shown: from now on its rows are seen, and what it last was is drawn at once. */
  #left(panel: Panel): void {
    // Counters of a panel that was left go on without being looked at: its rates begin anew.
    if (panel.sampleMs === undefined && panel.id !== 'overview') this.#kept.delete(panel.id)
    this.#drawAt = 0
    this.#see()
  }

  #took(effect: Effect): void {
    if (effect.kind === 'suspend') this.#screen?.suspend()
    else if (effect.kind === 'redraw') this.#screen?.forget()
    // As if the terminal had made a signal of it.
    else if (effect.kind === 'interrupt') process.kill(process.pid, 'SIGINT')
    else if (this.#effects.length < EFFECTS_MAX) this.#effects.push(effect)
  }

  #scene(): Scene {
    const panel: Panel = panelOf(this.#state.panel)
    const { rows, notes } = this.#view
    return {
      state: this.#state,
      panel,
      where: this.#options.where,
      server: this.#server,
      rows: arrange(panel, rows, sortingOf(this.#state), this.#state.filters[panel.id]),
      total: rows.length,
      notes,
      detail: this.#detail,
      lost: this.#lost,
      isFirst: !this.#kept.has(panel.id),
    }
  }

  #draw(): void {
    const screen = this.#screen
    if (screen === undefined) return
    const { colors } = this.#context.terminal
    screen.draw(drawFrame(this.#scene(), screen.columns, screen.rows).map((line) => paintLine(line, colors)))
  }
}
