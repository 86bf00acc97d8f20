import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a run with what was skipped, by reason, and then with what failed: a skipped test is never silent, and a failure
 * stands in the last lines, which is all that some logs keep.
 */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = new Map<string, string[]>()
    const failed: string[] = []
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const reason = /\[(not on [^\]]*)\]/.exec(test.fullName)?.[1] ?? 'without a reason'
        const name = `${module.relativeModuleId}: ${test.fullName.replace(/ \[not on [^\]]*\]/, '')}`
        skipped.set(reason, [...(skipped.get(reason) ?? []), name])
      }
      for (const error of module.errors()) failed.push(`${module.relativeModuleId}\n    ${described(error)}`)
      for (const test of module.children.allTests('failed')) {
        const errors = test.result().errors ?? []
        failed.push([`${module.relativeModuleId}: ${test.fullName}`, ...errors.map(described)].join('\n    '))
      }
    }
    for (const [reason, names] of skipped) {
      console.log(`\nskipped, ${reason}:`)
      for (const name of names) console.log(`  ${name}`)
    }
    if (failed.length > 0) console.log('\nfailed:')
    for (const failure of failed) console.log(`  ${failure}`)
  }
}

/** The message, what differs and where: enough to start from when nothing else is left of the run. */
function described({ message, diff, stack }: { message: string; diff?: string; stack?: string }): string {
  const places = stack?.split('\n').filter((line) => /^\s+at .*\/test\//.test(line)) ?? []
  return [message, diff, ...places.slice(0, 3)].filter(Boolean).join('\n').slice(0, 4000).replaceAll('\n', '\n      ')
}
