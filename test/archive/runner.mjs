// Runs the service `archive` once in a process of its own, which a test kills.
import { openFleet } from 'pgfleet'

const { url, directUrl, to } = JSON.parse(process.argv[2])
const fleet = await openFleet({ url })
const [run] = await fleet.maintenance.runOnce('archive', {
  directUrl,
  leaseMs: 500,
  options: { archive: { to, lockTimeoutMs: 60_000 } },
})
console.log(JSON.stringify(run))
await fleet.close()
