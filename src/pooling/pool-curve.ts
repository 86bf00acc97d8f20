import type { PoolPoint } from './knee.js'

const WIDTH = 760
const HEIGHT = 440
const MARGIN = { left: 72, right: 24, top: 40, bottom: 52 }

/** Fewest pixels from one label to the next. */
const LABEL_WIDTH = 24

/** The next 1, 2 or 5 times a power of ten, at least 1. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)))
  return power * ([1, 2, 5].find((times) => times * power >= least) ?? 10)
}

/** Those of the rising numbers that do not stand too close behind the one before. */
function spacedOut(numbers: readonly number[], placeOf: (number: number) => number): number[] {
  const kept: number[] = []
  for (const number of numbers) {
    const last = kept.at(-1)
    if (last === undefined || placeOf(number) - placeOf(last) >= LABEL_WIDTH) kept.push(number)
  }
  return kept
}

/** The curve as an SVG picture: connections to the right, operations a second upwards, the knee marked. */
export function drawPoolCurve(title: string, points: readonly PoolPoint[], knee: PoolPoint): string {
  const most = Math.max(...points.map(({ connections }) => connections))
  const best = Math.max(...points.map(({ rate }) => rate), 1) * 1.05
  const x = (connections: number) =>
    (MARGIN.left + (connections / most) * (WIDTH - MARGIN.left - MARGIN.right)).toFixed(1)
  const y = (rate: number) =>
    (HEIGHT - MARGIN.bottom - (rate / best) * (HEIGHT - MARGIN.top - MARGIN.bottom)).toFixed(1)
  const bottom = HEIGHT - MARGIN.bottom
  const step = roundStep(best / 5)
  const rates = Array.from({ length: Math.floor(best / step) + 1 }, (_, i) => i * step)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="14" font-weight="bold">${title}</text>`,
    // What was measured, where there is room for it.
    ...spacedOut(
      points.map(({ connections }) => connections),
      (connections) => Number(x(connections)),
    ).map(
      (connections) =>
        `<line x1="${x(connections)}" x2="${x(connections)}" y1="${MARGIN.top}" y2="${bottom}" stroke="#e5e7eb"/><text x="${x(connections)}" y="${bottom + 16}" text-anchor="middle">${connections}</text>`,
    ),
    ...rates.map(
      (rate) =>
        `<line y1="${y(rate)}" y2="${y(rate)}" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" stroke="#e5e7eb"/><text x="${MARGIN.left - 6}" y="${Number(y(rate)) + 4}" text-anchor="end">${rate.toFixed(0)}</text>`,
    ),
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
