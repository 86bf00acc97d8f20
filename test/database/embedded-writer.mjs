// Run by embedded-directory.test.ts in a process of its own: opens the directory, learns without end and prints how many
// calls have settled, until it is killed.
import { openFleet } from 'pgfleet'

const fleet = await openFleet({ dataDir: process.argv[2] })
await fleet.tenants.create({ id: 'acme' }, { ifNotExists: true })
const { learning } = fleet.tenant('acme')
process.stdout.write('open\n')
for (let settled = 1; process.argv[3] === 'write'; settled++) {
  await learning.learn({ agentType: 'quality-gate', state: settled, action: 1, reward: settled, learningRate: 1 })
  process.stdout.write(`${settled}\n`)
}
process.stdin.resume()
