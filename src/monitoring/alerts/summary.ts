import { bytes, count, duration, percent } from '../../doctor/figures.js'
import type { Labels } from './open-alert.js'

const FORMATS: Readonly<Record<string, { readonly own: (value: number) => string; readonly prometheus: string }>> = {
  bytes: { own: bytes, prometheus: '{{ $value | humanize1024 }}B' },
  count: { own: count, prometheus: '{{ $value | printf "%.0f" }}' },
  duration: { own: duration, prometheus: '{{ $value | humanizeDuration }}' },
  percent: { own: percent, prometheus: '{{ $value | humanizePercentage }}' },
}

const PLACE = /\{(\w+)(?:\|(\w+))?\}/g

/** The sentence of a rule about one alert. */
export function fillSummary(summary: string, labels: Labels, value: number): string {
  return summary.replaceAll(PLACE, (place, name: string, format = '') =>
    name === 'value' ? (FORMATS[format]?.own(value) ?? place) : (labels[name] ?? ''),
  )
}

/** The sentence as Prometheus fills it. */
export function prometheusSummary(summary: string): string {
  return summary.replaceAll(PLACE, (place, name: string, format = '') =>
    name === 'value' ? (FORMATS[format]?.prometheus ?? place) : `{{ $labels.${name} }}`,
  )
}

/** The labels that the sentence names. */
export function labelsOf(summary: string): readonly string[] {
  return [...summary.matchAll(PLACE)].map(([, name]) => name as string).filter((name) => name !== 'value')
}
