import type { Node } from 'libpg-query'
import type { Catalog } from '../catalog/catalog.js'
import { lastWord, under, words } from '../sql/tree.js'
import { STABLE_FUNCTIONS, VOLATILE_FUNCTIONS } from './function-facts.js'

/** A call of a function that is not immutable. */
export interface VolatileCall {
  readonly name: string
  readonly volatility: 'stable' | 'volatile'
  readonly location: number | undefined
}

let stable: ReadonlySet<string> | undefined
let volatiles: ReadonlySet<string> | undefined

/** The volatility of a function by its name; undefined for an immutable one, or one that is not known for sure. */
export function volatilityOf(name: readonly string[], catalog: Catalog): VolatileCall['volatility'] | undefined {
  stable ??= new Set(STABLE_FUNCTIONS.trim().split(/\s+/))
  volatiles ??= new Set(VOLATILE_FUNCTIONS.trim().split(/\s+/))
  const bare = name.at(-1) ?? ''
  if (catalog.volatilities.has(bare)) {
    return ({ i: undefined, s: 'stable', v: 'volatile' } as const)[catalog.volatilities.get(bare) ?? 'i']
  }
  if (name.length > 1 && name[0] !== 'pg_catalog') return undefined
  if (volatiles.has(bare) || bare === 'random' || bare === 'uuid_generate_v4') return 'volatile'
  return stable.has(bare) ? 'stable' : undefined
}

/** The first call in an expression that is not immutable, subqueries aside. */
export function volatileCall(node: Node | undefined, catalog: Catalog): VolatileCall | undefined {
  for (const call of under(node, 'FuncCall')) {
    const volatility = volatilityOf(words(call.funcname), catalog)
    if (volatility !== undefined) return { name: `${lastWord(call.funcname)}()`, volatility, location: call.location }
  }
  const [value] = under(node, 'SQLValueFunction')
  if (value === undefined) return undefined
  const name = (value.op ?? '')
    .replace(/^SVFOP_/, '')
    .replace(/_N$/, '')
    .toLowerCase()
  return { name, volatility: 'stable', location: value.location }
}
