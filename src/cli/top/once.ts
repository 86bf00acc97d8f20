import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError } from '../../errors.js'
import { type Look, withLook } from '../../top/look.js'
import type { Looks, Panel } from '../../top/panel.js'
import type { Reader } from '../../top/reader.js'
import type { Context } from '../context.js'
import { fill } from './characters.js'
import { paintLine } from './paint.js'
import { arrange } from './state.js'
import { headLine, placeColumns, rowLine } from './table.js'

/** Rows that are printed as text; JSON has all. */
const ROWS_MAX = 40

/** Prints one look at a panel, of two readings an interval apart. */
export async function printOnce(
  { terminal, signal }: Context,
  reader: Reader,
  panel: Panel,
  options: { intervalMs: number; where: string },
): Promise<void> {
  const { intervalMs, where } = options
  const look = await looksOf(reader, panel, intervalMs, signal)
  const { rows, notes } = panel.view(look)
  const { version, database, user } = await reader.server()
  const { now, before } = look
  const arranged = arrange(panel, rows, panel.sorted)
  if (terminal.json) {
    const server = { version, database, user, inRecovery: now.inRecovery, startedAt: new Date(now.startedAt * 1000) }
    const seconds = before === undefined ? null : now.at - before.at
    const value = { panel: panel.id, at: new Date(now.at * 1000), seconds, server, rows: arranged, notes }
    // JSON escapes the lower control characters only; a terminal would take the upper ones for commands too.
    terminal.text(
      JSON.stringify(value).replaceAll(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, escaped),
    )
    return
  }
  const { width, colors } = terminal
  const placed = placeColumns(panel.columns, width)
  const left = arranged.length - ROWS_MAX
  const lines = [
    paintLine([[fill(`${panel.id}: ${panel.title}`, width).trimEnd(), 'bold']], colors),
    paintLine(
      [[fill(`${where}, PostgreSQL ${version}, ${new Date(now.at * 1000).toISOString()}`, width).trimEnd(), 'dim']],
      colors,
    ),
    paintLine([[headLine(placed, panel.sorted, width).trimEnd(), 'head']], colors),
    ...arranged
      .slice(0, ROWS_MAX)
      .map((row) => paintLine([[rowLine(placed, row, width).trimEnd(), row.mark ?? 'none']], colors)),
    ...(arranged.length === 0 ? [panel.empty] : []),
    ...(left > 0 ? [`and ${left} more`] : []),
    ...notes.map((note) => paintLine([[fill(note, Math.max(width, 200)).trimEnd(), 'dim']], colors)),
  ]
  terminal.text(lines.join('\n'))
}

const escaped = (character: string) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`

/** Two looks an interval apart, and those between them where the panel takes some. Errors: DATABASE_UNEXAMINED, ABORTED. */
async function looksOf(reader: Reader, panel: Panel, intervalMs: number, signal: AbortSignal): Promise<Looks<unknown>> {
  const step = Math.min(intervalMs, panel.sampleMs ?? intervalMs)
  const until = performance.now() + intervalMs
  let minute: readonly Look[] = withLook([], await reader.look(panel))
  while (performance.now() < until - 1) {
    await sleep(Math.min(step, Math.max(1, until - performance.now())), undefined, { signal }).catch(() => {
      throw new FleetError('ABORTED', { message: 'interrupted' })
    })
    minute = withLook(minute, await reader.look(panel))
  }
  const texts = new Map<string, string>()
  const looks = { now: minute.at(-1) as Look, before: minute.at(-2), minute, texts }
  const missing = panel.texts?.missing(looks) ?? []
  for (const [key, text] of await reader.texts(panel, missing)) texts.set(key, text)
  return looks
}
