import type { Column, ShownRow } from '../../top/panel.js'
import { clean, fill, place } from './characters.js'
import type { Sorting } from './state.js'

/** A column with the cells that it gets. */
interface Placed {
  readonly column: Column<ShownRow>
  readonly width: number
}

/** The columns that fill, with their widths: those of the highest `drop` go first; the one that grows takes what is left. */
export function placeColumns(columns: readonly Column<ShownRow>[], width: number): readonly Placed[] {
  let kept = columns
  const sizeOf = (some: readonly Column<ShownRow>[]) => some.reduce((sum, column) => sum + column.width + 1, -1)
  while (sizeOf(kept) > width) {
    const last = Math.max(...kept.map(({ drop }) => drop ?? 0))
    if (last === 0) break
    kept = kept.filter(({ drop }) => (drop ?? 0) !== last)
  }
  const left = Math.max(0, width - sizeOf(kept))
  let room = width
  return kept.flatMap((column) => {
    const wanted = column.width + (column.grows ? left : 0)
    const given = Math.min(wanted, room)
    room -= given + 1
    return given > 0 ? [{ column, width: given }] : []
  })
}

/** The heads of the columns, in exactly so many cells; the one that it is sorted by has an arrow. */
export function headLine(placed: readonly Placed[], sorting: Sorting | undefined, width: number): string {
  const cells = placed.map(({ column: { id, title, align }, width: cells }) => {
    const arrow = sorting?.by === id ? (sorting.descending ? '↓' : '↑') : ''
    // Where there is no room for both, the arrow matters more.
    return fill(
      title.length + arrow.length > cells ? `${title.slice(0, cells - arrow.length)}${arrow}` : `${title}${arrow}`,
      cells,
      align,
    )
  })
  return place(cells.join(' '), width)
}

/** A row, in exactly so many cells; in a tree its first cell is indented. */
export function rowLine(placed: readonly Placed[], row: ShownRow, width: number): string {
  const cells = placed.map(({ column, width: cells }, i) => {
    const depth = i === 0 ? Math.min(row.depth ?? 0, Math.max(0, (cells >> 1) - 3)) : 0
    const branch = depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `
    return place(branch + clean(column.cell(row)), cells, column.align)
  })
  return place(cells.join(' '), width)
}
