import { SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.js'

/** How far something is, for the one who waits. */
export interface Progress {
  update(done: number, total: number, message?: string): void
  /** Takes the bar away; harmless to repeat. */
  stop(): void
}

/** Without a terminal a line is told this often at most, in milliseconds. */
const LINE_MS = 10_000

/** A bar on stderr where someone looks, else a line every ten seconds; nothing with `--quiet`, or `--json` unwatched. */
export function createProgress(terminal: Terminal, label: string): Progress {
  if (!terminal.live) {
    let told = performance.now()
    return {
      update(done, total, message) {
        if (performance.now() - told < LINE_MS) return
        told = performance.now()
        terminal.note(`${label}: ${done} of ${total}${message ? `, ${message}` : ''}`)
      },
      stop() {},
    }
  }
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total}  {message}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    fps: 8,
    stream: process.stderr,
    // Ctrl-C is ours to handle.
    gracefulExit: false,
  })
  let started = false
  return {
    update(done, total, message = '') {
      if (!started) bar.start(Math.max(total, 1), done, { message })
      else {
        bar.setTotal(Math.max(total, 1))
        bar.update(done, { message })
      }
      started = true
    },
    stop() {
      if (started) bar.stop()
      started = false
    },
  }
}
