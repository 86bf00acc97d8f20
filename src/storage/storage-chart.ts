import type { StoragePlan } from './storage-plan.js'

const WIDTH = 760
const ROW = 24
const MARGIN = { left: 210, right: 90, top: 64, bottom: 16 }
const PARTS = [
  ['heapBytes', 'heap', '#1f6feb'],
  ['indexBytes', 'indexes', '#bf5700'],
  ['toastBytes', 'large values', '#57606a'],
] as const

/** The tables as an SVG picture: a bar each, the largest first, of rows, indexes and large values. `size` words bytes. */
export function drawStorage(title: string, plan: StoragePlan, size: (bytes: number) => string): string {
  const tables = [...plan.tables].sort((a, b) => b.bytes - a.bytes)
  const most = Math.max(...tables.map(({ bytes }) => bytes), 1)
  const scale = (WIDTH - MARGIN.left - MARGIN.right) / most
  const height = MARGIN.top + tables.length * ROW + MARGIN.bottom
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title><rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="22" font-size="14" font-weight="bold">${title}</text>`,
    ...PARTS.map(
      ([, name, color], i) =>
        `<rect x="${16 + i * 110}" y="34" width="12" height="12" fill="${color}"/><text x="${34 + i * 110}" y="44">${name}</text>`,
    ),
    ...tables.flatMap((table, i) => {
      const y = MARGIN.top + i * ROW
      let x = MARGIN.left
      const bars = PARTS.map(([part, name, color]) => {
        const width = table[part] * scale
        const bar = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 6}" fill="${color}"><title>${table.table}: ${name} ${size(table[part])}</title></rect>`
        x += width
        return bar
      })
      return [
        `<text x="${MARGIN.left - 8}" y="${y + 13}" text-anchor="end">${table.table}</text>`,
        ...bars,
        `<text x="${(x + 6).toFixed(1)}" y="${y + 13}">${size(table.bytes)}</text>`,
      ]
    }),
    '</svg>',
    '',
  ].join('\n')
}
