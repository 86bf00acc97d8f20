// Leads maintenance until it is killed: leader.mjs URL SERVICE OPTIONS. Says on stdout when it leads.
import { openFleet } from 'pgfleet'

const [url, service, options] = process.argv.slice(2)
const fleet = await openFleet({ url })
fleet.maintenance.start({
  services: [service],
  directUrl: url,
  options: { [service]: JSON.parse(options) },
  intervalMs: 100,
  leaseMs: 500,
  onLead: (leads) => leads && process.stdout.write('leads\n'),
})
