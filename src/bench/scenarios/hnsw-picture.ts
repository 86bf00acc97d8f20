/** A measured setting of the index. */
export interface HnswPoint {
  readonly m: number
  readonly efConstruction: number
  readonly efSearch: number
  readonly recall: number
  /** Median latency of a search, in milliseconds. */
  readonly p50: number
}

/** The points that no other beats: none is both quicker and finds as much. Quickest first. */
export function paretoFront<Point extends { readonly recall: number; readonly p50: number }>(
  points: readonly Point[],
): Point[] {
  const front: Point[] = []
  for (const point of [...points].sort((a, b) => a.p50 - b.p50 || b.recall - a.recall)) {
    if (point.recall > (front.at(-1)?.recall ?? -1)) front.push(point)
  }
  return front
}

const WIDTH = 760
const HEIGHT = 440
const MARGIN = { left: 64, right: 24, top: 40, bottom: 52 }
const COLOURS = ['#1f6feb', '#bf5700', '#1a7f37', '#8250df', '#cf222e', '#57606a']

/** The points as an SVG picture: latency to the right, recall upwards, a colour a built index, the front as a line. */
export function drawHnsw(title: string, points: readonly HnswPoint[]): string {
  const front = paretoFront(points)
  const slowest = Math.max(...points.map(({ p50 }) => p50)) * 1.05
  const least = Math.max(0, Math.min(...points.map(({ recall }) => recall)) - 0.01)
  const x = (ms: number) => MARGIN.left + (ms / slowest) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (recall: number) =>
    HEIGHT - MARGIN.bottom - ((recall - least) / (1.002 - least)) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const builds = [...new Set(points.map(({ m, efConstruction }) => `m ${m}, ef_construction ${efConstruction}`))]
  const text = (at: number, down: number, content: string, more = '') =>
    `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" ${more}>${content}</text>`
  const ticks = Array.from({ length: 6 }, (_, i) => i / 5)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(MARGIN.left, 22, title, 'font-size="14" font-weight="bold"'),
    ...ticks.map((part) => {
      const ms = part * slowest
      return `<line x1="${x(ms).toFixed(1)}" x2="${x(ms).toFixed(1)}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" stroke="#e5e7eb"/>${text(x(ms), HEIGHT - MARGIN.bottom + 16, ms.toFixed(1), 'text-anchor="middle"')}`
    }),
    ...ticks.map((part) => {
      const recall = least + part * (1 - least)
      return `<line y1="${y(recall).toFixed(1)}" y2="${y(recall).toFixed(1)}" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" stroke="#e5e7eb"/>${text(MARGIN.left - 6, y(recall) + 4, recall.toFixed(3), 'text-anchor="end"')}`
    }),
    text(WIDTH / 2, HEIGHT - 14, 'median latency of a search, one caller, ms', 'text-anchor="middle"'),
    text(14, HEIGHT / 2, 'recall at 10', `text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})"`),
    `<polyline fill="none" stroke="#24292f" stroke-width="1.5" points="${front.map(({ p50, recall }) => `${x(p50).toFixed(1)},${y(recall).toFixed(1)}`).join(' ')}"/>`,
    ...points.map(({ m, efConstruction, efSearch, p50, recall }) => {
      const build = `m ${m}, ef_construction ${efConstruction}`
      const colour = COLOURS[builds.indexOf(build) % COLOURS.length]
      return `<circle cx="${x(p50).toFixed(1)}" cy="${y(recall).toFixed(1)}" r="4" fill="${colour}"><title>${build}, ef_search ${efSearch}: recall ${recall.toFixed(4)}, ${p50.toFixed(2)} ms</title></circle>`
    }),
    ...builds.map((build, i) => {
      const down = HEIGHT - MARGIN.bottom - 14 - (builds.length - 1 - i) * 16
      const colour = COLOURS[i % COLOURS.length]
      return `<circle cx="${WIDTH - 220}" cy="${down - 4}" r="4" fill="${colour}"/>${text(WIDTH - 210, down, build)}`
    }),
    '</svg>',
    '',
  ].join('\n')
}
