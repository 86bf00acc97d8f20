import { paretoFront, type Tradeoff } from './pareto-front.js'

/** A point of the picture. */
export interface RecallPoint extends Tradeoff {
  /** The index that was searched: points of one have one colour. */
  readonly index: string
  /** How it was searched, for who points at it. */
  readonly search: string
}

const WIDTH = 760
const HEIGHT = 440
const MARGIN = { left: 64, right: 24, top: 40, bottom: 52 }
const COLOURS = [
  '#1f6feb',
  '#bf5700',
  '#1a7f37',
  '#8250df',
  '#cf222e',
  '#57606a',
  '#0a7ea4',
  '#9a6700',
  '#d63384',
  '#2da44e',
]
/** Pixels of a letter and of a line of the legend. */
const LETTER = 6.2
const LINE = 16

/** The points as an SVG picture: latency to the right, recall upwards, a colour an index, the front as a line. */
export function drawRecall(title: string, points: readonly RecallPoint[], k = 10): string {
  const front = paretoFront(points)
  const slowest = Math.max(...points.map(({ p50 }) => p50)) * 1.05
  const least = Math.max(0, Math.min(...points.map(({ recall }) => recall)) - 0.01)
  const x = (ms: number) => MARGIN.left + (ms / slowest) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (recall: number) =>
    HEIGHT - MARGIN.bottom - ((recall - least) / (1.002 - least)) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const indexes = [...new Set(points.map(({ index }) => index))]
  const colourOf = (index: string) => COLOURS[indexes.indexOf(index) % COLOURS.length]
  const text = (at: number, down: number, content: string, more = '') =>
    `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" ${more}>${escaped(content)}</text>`
  const ticks = Array.from({ length: 6 }, (_, i) => i / 5)
  // As wide as its longest name, in the corner where few points are: slow, and finding little.
  const legend = WIDTH - MARGIN.right - 8 - Math.max(...indexes.map((index) => index.length)) * LETTER
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(MARGIN.left, 22, title, 'font-size="14" font-weight="bold"'),
    ...ticks.map((part) => {
      const ms = part * slowest
      return `<line x1="${x(ms).toFixed(1)}" x2="${x(ms).toFixed(1)}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" stroke="#e5e7eb"/>${text(x(ms), HEIGHT - MARGIN.bottom + 16, ms.toFixed(slowest < 2 ? 2 : 1), 'text-anchor="middle"')}`
    }),
    ...ticks.map((part) => {
      const recall = least + part * (1 - least)
      return `<line y1="${y(recall).toFixed(1)}" y2="${y(recall).toFixed(1)}" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" stroke="#e5e7eb"/>${text(MARGIN.left - 6, y(recall) + 4, recall.toFixed(3), 'text-anchor="end"')}`
    }),
    text(WIDTH / 2, HEIGHT - 14, 'median latency of a search, one caller, ms', 'text-anchor="middle"'),
    text(14, HEIGHT / 2, `recall at ${k}`, `text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})"`),
    `<polyline fill="none" stroke="#24292f" stroke-width="1.5" points="${front.map(({ p50, recall }) => `${x(p50).toFixed(1)},${y(recall).toFixed(1)}`).join(' ')}"/>`,
    ...points.map(
      ({ index, search, p50, recall }) =>
        `<circle cx="${x(p50).toFixed(1)}" cy="${y(recall).toFixed(1)}" r="4" fill="${colourOf(index)}"><title>${escaped(`${index}, ${search}: recall ${recall.toFixed(4)}, ${p50.toFixed(2)} ms`)}</title></circle>`,
    ),
    ...indexes.map((index, i) => {
      const down = HEIGHT - MARGIN.bottom - 14 - (indexes.length - 1 - i) * LINE
      return `<g class="legend"><rect x="${(legend - 14).toFixed(1)}" y="${down - 8}" width="8" height="8" rx="4" fill="${colourOf(index)}"/>${text(legend, down, index)}</g>`
    }),
    '</svg>',
    '',
  ].join('\n')
}

/** Names of tables and tenants may hold anything. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
