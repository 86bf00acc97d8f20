/** The distances that an index of vectors can be made for, with their operator and how their operator classes end. */
export const METRICS = {
  cosine: { operator: '<=>', ending: 'cosine_ops' },
  l2: { operator: '<->', ending: 'l2_ops' },
  ip: { operator: '<#>', ending: 'ip_ops' },
  l1: { operator: '<+>', ending: 'l1_ops' },
} as const

/** A distance: of the cosine, Euclidean, the inner product's negative, or the sum of differences. */
export type Metric = keyof typeof METRICS

/** The distance of an operator class such as `vector_cosine_ops`; undefined for one of another kind. */
export function metricOf(operatorClass: string): Metric | undefined {
  return (Object.keys(METRICS) as Metric[]).find((metric) => operatorClass.endsWith(`_${METRICS[metric].ending}`))
}
