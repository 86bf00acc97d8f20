// Run by erase-crash.test.ts in a process of its own: erases a tenant a row at a time, and tells of each, until it is killed.
import { openFleet } from 'pgfleet'

const fleet = await openFleet(JSON.parse(process.argv[2]))
await fleet.tenants.erase(process.argv[3], {
  reason: 'contract ended',
  by: 'operations',
  rowsMax: 1,
  onProgress: ({ rows }) => process.stdout.write(`${rows}\n`),
})
