/** The terminal while it is ours: another screen, no cursor, keys as they are pressed. */
export interface Screen {
  readonly columns: number
  readonly rows: number
  /** Draws the lines from the top; only those that differ from what is there. */
  draw(lines: readonly string[]): void
  /** Draws everything at the next time. */
  forget(): void
  /** Gives the terminal back and stops the program, until it is continued. */
  suspend(): void
  /** Gives the terminal back as it was. Harmless when called twice. */
  close(): void
}

/** What the terminal tells. */
export interface ScreenEvents {
  /** Something was typed. */
  keys(sent: string): void
  /** Another size, or back after a stop: what is there has to be drawn anew. */
  redraw(): void
  /** Nobody looks any more. */
  lost(): void
}

/** Another screen, cleared, without a cursor and without going on in the next line at the right edge. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J'
const LEAVE = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l'

/**
 * Takes the terminal of stdin and stdout. It is given back by `close`, and also when the program ends in any other way that
 * it can see: an exception, process.exit, a signal that stops it or ends it, a terminal that was closed.
 */
export function openScreen(events: ScreenEvents): Screen {
  const { stdin, stdout } = process
  let isOurs = false
  let isClosed = false
  let drawn: readonly string[] = []
  let waking: NodeJS.Timeout | undefined
  const write = (text: string) => {
    if (!stdout.destroyed && stdout.writable) stdout.write(text)
  }
  const raw = (mode: boolean) => {
    try {
      if (!stdin.destroyed) stdin.setRawMode(mode)
    } catch {
      // The terminal is gone, and its mode with it.
    }
  }
  const enter = () => {
    clearTimeout(waking)
    if (isOurs || isClosed) return
    isOurs = true
    raw(true)
    write(ENTER)
    drawn = []
    process.on('SIGTSTP', stop)
  }
  const leave = () => {
    if (!isOurs) return
    isOurs = false
    process.off('SIGTSTP', stop)
    write(LEAVE)
    raw(false)
  }
  const suspend = (pid: number) => {
    leave()
    // 0: the whole group, so that what started us, like npx, stops as well, and the shell gets its turn.
    process.kill(pid, 'SIGTSTP')
    // Where no shell would continue it, the system does not stop it either.
    waking = setTimeout(wake, 300)
  }
  const stop = () => suspend(process.pid)
  const wake = () => {
    enter()
    events.redraw()
  }
  const onResize = () => {
    drawn = []
    if (isOurs) write('\u001b[2J')
    events.redraw()
  }
  const onLost = () => events.lost()
  const onData = (data: string) => events.keys(data)
  stdin.setEncoding('utf8')
  stdin.on('data', onData)
  for (const event of ['end', 'close', 'error'] as const) stdin.on(event, onLost)
  stdout.on('error', onLost)
  stdout.on('resize', onResize)
  process.on('SIGCONT', wake)
  process.on('SIGHUP', onLost)
  process.on('exit', leave)
  process.on('uncaughtExceptionMonitor', leave)
  enter()
  return {
    get columns() {
      return stdout.columns || 80
    },
    get rows() {
      return stdout.rows || 24
    },
    draw(lines) {
      // A terminal that does not take what it got is not given more: the next drawing tells the latest.
      if (!isOurs || stdout.writableNeedDrain) return
      const changed = lines.flatMap((line, i) =>
        line === drawn[i] ? [] : [`\u001b[${i + 1};1H\u001b[K${line}\u001b[0m`],
      )
      const less = drawn.length > lines.length ? [`\u001b[${lines.length + 1};1H\u001b[J`] : []
      if (changed.length + less.length > 0) write([...changed, ...less].join(''))
      drawn = lines
    },
    forget() {
      drawn = []
      if (isOurs) write('\u001b[2J')
    },
    suspend: () => suspend(0),
    close() {
      isClosed = true
      clearTimeout(waking)
      leave()
      stdin.off('data', onData)
      for (const event of ['end', 'close'] as const) stdin.off(event, onLost)
      stdin.pause()
      stdout.off('resize', onResize)
      process.off('SIGCONT', wake)
      process.off('SIGHUP', onLost)
      process.off('exit', leave)
      process.off('uncaughtExceptionMonitor', leave)
    },
  }
}
