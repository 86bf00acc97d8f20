import { FleetError } from '../errors.js'
import type { MetricFamily } from './metrics/family.js'
import { FAMILIES, familyOf } from './metrics/index.js'
import type { Sample } from './snapshot.js'

/** How metrics are written: Prometheus' text format 0.0.4, or OpenMetrics 1.0.0. */
export type ExpositionFormat = 'prometheus' | 'openmetrics'

/** The content type of each format. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Labels that every series gets: `{ cluster: 'production' }`. */
export type ConstantLabels = Readonly<Record<string, string>>

const TAKEN = new Set(['le', 'quantile', ...FAMILIES.flatMap(({ labels }) => labels)])

/**
 * Checks labels that a user wants on every series. Errors: OPTIONS_INVALID (`label`) for a name that Prometheus does not allow,
 * or that a family has for itself: the series would tell something else than it says.
 */
export function checkLabels(labels: ConstantLabels): ConstantLabels {
  for (const name of Object.keys(labels)) {
    const problem = !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
      ? 'a label’s name has letters, digits and underscores, and begins with no digit'
      : name.startsWith('__')
        ? 'names that begin with __ are Prometheus’ own'
        : TAKEN.has(name)
          ? 'metrics have a label of that name themselves'
          : undefined
    if (problem !== undefined)
      throw new FleetError('OPTIONS_INVALID', {
        message: `the label '${name}' cannot be added: ${problem}`,
        field: 'label',
      })
  }
  return Object.freeze({ ...labels })
}

/** The format that an Accept header asks for: OpenMetrics only where it is preferred. */
export function formatFor(accept: string | undefined): ExpositionFormat {
  const quality = (type: string) => {
    for (const part of (accept ?? '').split(',')) {
      const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
      if (name !== type) continue
      const q = parameters.find((parameter) => parameter.startsWith('q='))
      return q === undefined ? 1 : Number(q.slice(2)) || 0
    }
    return 0
  }
  const wanted = quality('application/openmetrics-text')
  return wanted > 0 && wanted >= quality('text/plain') ? 'openmetrics' : 'prometheus'
}

/**
 * Writes samples, each family together with its help and type. Of two samples of one series the first is told. A counter whose
 * name does not end in `_total` is of unknown type in OpenMetrics, which allows no such counter; its name stays.
 */
export function formatMetrics(
  samples: readonly Sample[],
  format: ExpositionFormat = 'prometheus',
  constant: ConstantLabels = {},
): string {
  const families = new Map<string, Map<string, number>>()
  const fixed = labelText(constant)
  for (const { metric, labels, value } of samples) {
    let series = families.get(metric)
    if (series === undefined) {
      series = new Map()
      families.set(metric, series)
    }
    const own = labelText(labels)
    const key = fixed === '' || own === '' ? fixed + own : `${fixed},${own}`
    if (!series.has(key)) series.set(key, value)
  }
  const lines: string[] = []
  for (const [name, series] of families) {
    lines.push(...head(name, familyOf(name), format))
    for (const [labels, value] of series)
      lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}`)
  }
  if (format === 'openmetrics') lines.push('# EOF')
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function head(name: string, family: MetricFamily | undefined, format: ExpositionFormat): string[] {
  const isOpen = format === 'openmetrics'
  const help = escaped(family?.help ?? '', isOpen)
  let [shown, type]: [string, string] = [name, family?.type ?? (isOpen ? 'unknown' : 'untyped')]
  if (isOpen && type === 'counter') {
    if (name.endsWith('_total')) shown = name.slice(0, -'_total'.length)
    else type = 'unknown'
  }
  return [`# HELP ${shown} ${help}`, `# TYPE ${shown} ${type}`]
}

function labelText(labels: Readonly<Record<string, string>>): string {
  let text = ''
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escaped(labels[name] ?? '', true)}"`
  return text
}

/** Most values have nothing to escape, and thousands are written at each scrape. */
function escaped(text: string, quotes: boolean): string {
  if (!/[\\\n"]/.test(text)) return text
  const slashed = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return quotes ? slashed.replaceAll('"', '\\"') : slashed
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}
