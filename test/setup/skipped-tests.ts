import type { Reporter, TestModule } from 'vitest/node'

/** Lists at the end of the run what was skipped, by reason: a skipped test is never silent. */
export default class SkippedTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const names = new Map<string, string[]>()
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const reason = /\[(not on [^\]]*)\]/.exec(test.fullName)?.[1] ?? 'without a reason'
        const name = `${module.relativeModuleId}: ${test.fullName.replace(/ \[not on [^\]]*\]/, '')}`
        names.set(reason, [...(names.get(reason) ?? []), name])
      }
    }
    for (const [reason, tests] of names) {
      console.log(`\nskipped, ${reason}:`)
      for (const name of tests) console.log(`  ${name}`)
    }
  }
}
