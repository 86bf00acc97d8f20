// Tries one setting until it is killed: tuner.mjs URL OPTIONS. Says on stdout each step: the phase and the window.
import { createTuner, openFleet } from 'pgfleet'

const [url, options] = process.argv.slice(2)
const fleet = await openFleet({ url })
await createTuner(fleet, JSON.parse(options)).runOnce({
  onTrial: () => process.stdout.write('begun 0\n'),
  onStep: ({ phase, window }) => process.stdout.write(`${phase} ${window}\n`),
})
await fleet.close()
