/** Pearson's statistic of counts against weights; every count needs a weight. */
export function chiSquare(counts: Readonly<Record<string, number>>, weights: Readonly<Record<string, number>>): number {
  const stray = Object.keys(counts).filter((name) => !(name in weights))
  if (stray.length > 0) throw new Error(`no weight for ${stray.join()}`)
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const mass = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  return Object.entries(weights).reduce((sum, [name, weight]) => {
    const wanted = (total * weight) / mass
    return sum + ((counts[name] ?? 0) - wanted) ** 2 / wanted
  }, 0)
}

/**
 * What the statistic exceeds once in about 10,000 times with so many degrees of freedom (Wilson & Hilferty 1931). The
 * tests use fixed seeds, so that they pass always or never.
 */
chiSquare.limit = (freedom: number): number => {
  const spread = 2 / (9 * freedom)
  return freedom * (1 - spread + 3.719 * Math.sqrt(spread)) ** 3
}
