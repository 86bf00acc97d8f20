import { describe, expect, test } from 'vitest'
import { RULES } from '../../dist/lint/rules/index.js'
import { EXAMPLES } from './examples/index.js'
import { lintText } from './lint-text.js'

test('every rule has examples, and every example a rule', () => {
  expect(Object.keys(EXAMPLES).sort()).toEqual(RULES.map(({ id }) => id).sort())
})

test('names are kebab case and unique', () => {
  const ids = RULES.map(({ id }) => id)
  expect(ids.filter((id) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id))).toEqual([])
  expect(new Set(ids).size).toBe(ids.length)
})

describe.each(Object.entries(EXAMPLES))('%s', (id, { bad, good }) => {
  test.each(bad)('finds %j', async (example) => {
    const found = await lintText(example)
    expect(found.filter(({ rule }) => rule === 'syntax')).toEqual([])
    expect(found.map(({ rule }) => rule)).toContain(id)
  })

  test.each(good)('leaves %j', async (example) => {
    const found = await lintText(example)
    expect(found.filter(({ rule }) => rule === 'syntax' || rule === id)).toEqual([])
  })
})
