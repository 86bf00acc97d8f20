import type { HistoryMark } from './history-marks.js'

/** A line of the picture. */
export interface ChartLine {
  readonly name: string
  readonly times: readonly Date[]
  /** Null: nothing is known, and the line is broken. */
  readonly values: readonly (number | null)[]
}

const WIDTH = 960
const HEIGHT = 360
const MARGIN = { left: 90, right: 20, top: 44, bottom: 40 }
const COLORS = ['#1f6feb', '#bf5700', '#1a7f37', '#8250df', '#cf222e', '#57606a', '#9a6700', '#0550ae']

/** Lines that a picture can hold apart; others are left out, and it says so. */
export const LINES_MAX = COLORS.length

/** Points of a line that are drawn: more than there are pixels show nothing more. */
const POINTS_MAX = 4000

/** Series as an SVG picture over a time, with marks: gaps as grey bars, other things as dashed lines. `show` words a value. */
export function drawHistory(
  title: string,
  range: { readonly from: Date; readonly to: Date },
  lines: readonly ChartLine[],
  marks: readonly HistoryMark[],
  show: (value: number) => string,
): string {
  const [from, to] = [range.from.getTime(), range.to.getTime()]
  const drawn = lines.slice(0, LINES_MAX)
  const known = drawn.flatMap(({ values }) => values.filter((value) => value !== null && Number.isFinite(value)))
  const high = known.reduce<number>((a, b) => Math.max(a, b as number), 0)
  const low = known.reduce<number>((a, b) => Math.min(a, b as number), 0)
  const height = HEIGHT + drawn.length * 18
  const bottom = HEIGHT - MARGIN.bottom
  const x = (at: number) => MARGIN.left + ((at - from) / Math.max(1, to - from)) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * (bottom - MARGIN.top)
  const inside = (at: number) => Math.min(Math.max(at, from), to)
  const left = lines.length - drawn.length
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title><rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="22" font-size="14" font-weight="bold">${escaped(title)}${left > 0 ? ` (${left} more series are not drawn)` : ''}</text>`,
    ...[0, 0.5, 1].map((share) => {
      const value = low + (high - low) * share
      return `<path d="M${MARGIN.left} ${y(value).toFixed(1)}H${WIDTH - MARGIN.right}" stroke="#d0d7de"/><text x="${MARGIN.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${escaped(show(value))}</text>`
    }),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const at = from + (to - from) * share
      const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
      return `<text x="${x(at).toFixed(1)}" y="${bottom + 18}" text-anchor="${anchor}">${new Date(at).toISOString().slice(5, 16).replace('T', ' ')}Z</text>`
    }),
    ...marks.map(({ kind, at, until, text }) => {
      const start = x(inside(at.getTime()))
      const told = `<title>${escaped(`${at.toISOString()} ${kind}: ${text}`)}</title>`
      if (until === undefined) {
        return `<path d="M${start.toFixed(1)} ${MARGIN.top}V${bottom}" stroke="#cf222e" stroke-dasharray="3 3">${told}</path>`
      }
      const width = Math.max(1, x(inside(until.getTime())) - start)
      return `<rect x="${start.toFixed(1)}" y="${MARGIN.top}" width="${width.toFixed(1)}" height="${bottom - MARGIN.top}" fill="#afb8c1" fill-opacity="0.4">${told}</rect>`
    }),
    ...drawn.flatMap(({ name, times, values }, i) => [
      `<path d="${path(times, values, x, y)}" fill="none" stroke="${COLORS[i]}" stroke-width="1.5"/>`,
      `<rect x="16" y="${HEIGHT + i * 18}" width="12" height="12" fill="${COLORS[i]}"/><text x="34" y="${HEIGHT + 10 + i * 18}">${escaped(name)}</text>`,
    ]),
    '</svg>',
    '',
  ].join('\n')
}

function path(
  times: readonly Date[],
  values: readonly (number | null)[],
  x: (at: number) => number,
  y: (value: number) => number,
): string {
  const step = Math.max(1, Math.ceil(values.length / POINTS_MAX))
  let isDown = false
  return values
    .flatMap((value, i) => {
      if (value === null || !Number.isFinite(value)) {
        isDown = false
        return []
      }
      if (i % step !== 0) return []
      const point = `${isDown ? 'L' : 'M'}${x((times[i] as Date).getTime()).toFixed(1)} ${y(value).toFixed(1)}`
      isDown = true
      return [point]
    })
    .join('')
}

/** Text as XML takes it; characters that it takes in no form are left out. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/\p{Cc}/gu, ' ')
}
