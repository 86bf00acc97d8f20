/** What a setting of a search was measured to do. */
export interface Tradeoff {
  /** The share of the nearest that was found, 0 to 1. */
  readonly recall: number
  /** Median latency of a search, in milliseconds. */
  readonly p50: number
}

/** The points that no other beats: none is both quicker and finds as much. Quickest first. */
export function paretoFront<Point extends Tradeoff>(points: readonly Point[]): Point[] {
  const front: Point[] = []
  for (const point of [...points].sort((a, b) => a.p50 - b.p50 || b.recall - a.recall)) {
    if (point.recall > (front.at(-1)?.recall ?? -1)) front.push(point)
  }
  return front
}
