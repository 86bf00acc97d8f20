import type { LintReport } from './lint.js'
import type { Fix } from './rule.js'
import type { Source } from './source.js'

/** A source with its fixes applied. */
export interface FixedSource {
  readonly path: string
  readonly text: string
  /** How many fixes. */
  readonly count: number
}

/** Applies the fixes of the findings that are not suppressed. Of fixes that overlap the first is applied: fix again. */
export function applyFixes(report: LintReport): FixedSource[] {
  const bySource = new Map<Source, Fix[]>()
  for (const { source, fix } of report.findings) {
    if (fix !== undefined) bySource.set(source, [...(bySource.get(source) ?? []), fix])
  }
  return [...bySource].map(([source, fixes]) => {
    let text = ''
    let end = 0
    let count = 0
    for (const fix of fixes.sort((a, b) => a.start - b.start || a.end - b.end)) {
      if (fix.start < end) continue
      text += source.text.slice(end, fix.start) + fix.text
      end = fix.end
      count++
    }
    return { path: source.path, text: text + source.text.slice(end), count }
  })
}
