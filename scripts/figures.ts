/*
 * Writes the latest saved run of each scenario (bench/results) between the marks "figures: begin" and "figures: end" of
 * docs/benchmarks.md, whole, and of README.md, where the families behind the first stand with their targets alone:
 *   npm run figures
 */
import { readFile, writeFile } from 'node:fs/promises'
import { formatMarkdown, latestRun, type Run } from 'pgfleet/bench'

const WHOLE = ['learning', 'learning-growth']
const BY_TARGETS = [
  'memory-vectors-small',
  'memory-vectors',
  'memory-graph',
  'memory-events',
  'memory-sessions',
  'memory-artifacts',
  'memory-artifact-streams',
  'memory-records',
  'memory-rls',
  'delivery-mix',
  'delivery-jobs',
  'delivery-metrics',
  'delivery-audit',
  'metadata',
  'cache',
  'backup',
  'monitor',
  'top',
]

const runs = new Map<string, Run>()
for (const name of [...WHOLE, ...BY_TARGETS]) {
  const run = await latestRun(name)
  if (run != null) runs.set(name, run)
}
const texts = (names: readonly string[], format: (run: Run) => string) =>
  names.flatMap((name) => {
    const run = runs.get(name)
    return run === undefined ? [] : [format(run).trim()]
  })

/** The head of a run and its targets. */
function targetsOf(run: Run): string {
  const text = formatMarkdown(run)
  const table = /\| target \|[\s\S]*?(?=\n\n)/.exec(text)?.[0] ?? ''
  return `**${run.title}** (\`pgfleet bench ${run.scenario}\`)\n\n${table}`
}

async function write(file: string, parts: readonly string[]): Promise<void> {
  const text = await readFile(file, 'utf8')
  const block = `<!-- figures: begin -->\n${parts.join('\n\n')}\n<!-- figures: end -->`
  await writeFile(
    file,
    text.replace(/<!-- figures: begin -->[\s\S]*?<!-- figures: end -->/, () => block),
  )
}

await write('docs/benchmarks.md', texts([...WHOLE, ...BY_TARGETS], formatMarkdown))
await write('README.md', [...texts(WHOLE, formatMarkdown), ...texts(BY_TARGETS, targetsOf)])
console.log(`figures of ${[...runs.keys()].join(', ')}`)
