import { expect, test } from 'vitest'
import { madeWith } from '../../dist/tuning/knobs/vector-search.js'
import { openTestFleet } from '../setup/index.js'

test('candidates that nobody has set are known as such: those that each dimension is made with', async () => {
  const fleet = await openTestFleet()
  await fleet.vectorDimensions.add(17)
  const dimensions = await fleet.vectorDimensions.list()
  expect(dimensions.map((one) => one.dimensions)).toEqual([17, 384, 768, 1536, 3072])
  for (const { dimensions: count, efSearch } of dimensions) expect(madeWith(count), `${count}`).toEqual(efSearch)
})
