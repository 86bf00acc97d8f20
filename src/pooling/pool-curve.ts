import type { PoolPoint } from './knee.js'

const WIDTH = 760
const HEIGHT = 440
const MARGIN = { left: 72, right: 24, top: 40, bottom: 52 }

/** The curve as an SVG picture: connections to the right, operations a second upwards, the knee marked. */
export function drawPoolCurve(title: string, points: readonly PoolPoint[], knee: PoolPoint): string {
  const most = Math.max(...points.map(({ connections }) => connections))
  const best = Math.max(...points.map(({ rate }) => rate), 1) * 1.05
  const x = (connections: number) =>
    (MARGIN.left + (connections / most) * (WIDTH - MARGIN.left - MARGIN.right)).toFixed(1)
  const y = (rate: number) =>
    (HEIGHT - MARGIN.bottom - (rate / best) * (HEIGHT - MARGIN.top - MARGIN.bottom)).toFixed(1)
  const bottom = HEIGHT - MARGIN.bottom
  const ticks = Array.from({ length: 6 }, (_, i) => i / 5)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="14" font-weight="bold">${title}</text>`,
    ...ticks.flatMap((part) => {
      const [across, up] = [x(part * most), y(part * best)]
      return [
        `<line x1="${across}" x2="${across}" y1="${MARGIN.top}" y2="${bottom}" stroke="#e5e7eb"/><text x="${across}" y="${bottom + 16}" text-anchor="middle">${(part * most).toFixed(most < 10 ? 1 : 0)}</text>`,
        `<line y1="${up}" y2="${up}" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" stroke="#e5e7eb"/><text x="${MARGIN.left - 6}" y="${Number(up) + 4}" text-anchor="end">${(part * best).toFixed(0)}</text>`,
      ]
    }),
    `<text x="${WIDTH / 2}" y="${HEIGHT - 14}" text-anchor="middle">connections</text>`,
    `<text x="14" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})">operations a second</text>`,
    `<line x1="${x(knee.connections)}" x2="${x(knee.connections)}" y1="${MARGIN.top}" y2="${bottom}" stroke="#bf5700" stroke-dasharray="4 4"/><text x="${Number(x(knee.connections)) + 6}" y="${bottom - 10}" fill="#bf5700">knee: ${knee.connections}</text>`,
    `<polyline fill="none" stroke="#1f6feb" stroke-width="1.5" points="${points.map(({ connections, rate }) => `${x(connections)},${y(rate)}`).join(' ')}"/>`,
    ...points.map(
      ({ connections, rate, p50, p99 }) =>
        `<circle cx="${x(connections)}" cy="${y(rate)}" r="4" fill="#1f6feb"><title>${connections} connections: ${rate.toFixed(0)} operations a second, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms</title></circle>`,
    ),
    '</svg>',
    '',
  ].join('\n')
}

/** The rate of a point as a bar of text, of `width` characters for the best. */
export function poolBar(rate: number, best: number, width: number): string {
  const eighths = Math.round((best === 0 ? 0 : rate / best) * width * 8)
  return '█'.repeat(eighths >> 3) + (eighths % 8 === 0 ? '' : ('▏▎▍▌▋▊▉'[(eighths % 8) - 1] as string))
}
