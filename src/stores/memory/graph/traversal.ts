import { z } from 'zod'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import type { Entity, EntityJson } from './entities.js'
import { entityId } from './entity-id.js'
import { entityOfJson } from './entity-json.js'
import { type TimePoint, timePoint } from './instant.js'
import type { Direction } from './relationships.js'

/** How far to go, and along what. */
export interface TraverseOptions extends TimePoint {
  /** Most relationships in a row: 1 to 16. @default 2 */
  readonly depth?: number
  /** Most entities returned, the nearest first: 1 to 10000. @default 1000 */
  readonly rows?: number
  /** Most relationships followed: 1 to 1000000. Beyond it the call fails: TRAVERSAL_BUDGET_SPENT. @default 100000 */
  readonly budget?: number
  /** Only relationships of this type, or of one of these: at most 100. */
  readonly type?: string | readonly string[]
  /** @default 'out' */
  readonly direction?: Direction
}

/** An entity that a traversal reached, on a shortest path. */
export interface Reached {
  readonly entity: Entity
  /** Relationships from the start. */
  readonly depth: number
  /** The ids of the entities on the way: the start first, this one last. */
  readonly path: readonly string[]
  /** The relationship that led here, and which way it was followed. */
  readonly via: { readonly id: string; readonly type: string; readonly direction: 'out' | 'in' }
}

/** What a traversal reached. */
export interface Traversal {
  /** Nearest first, the start not among them, none twice. */
  readonly reached: Reached[]
  /** More could be reached than `rows`. */
  readonly truncated: boolean
}

interface Node {
  readonly id: string
  readonly depth: number
  readonly parent: number
  readonly relationshipId: string
  readonly relationshipType: string
  readonly direction: 'out' | 'in'
  readonly entity: EntityJson
}

const options = z.strictObject({
  ...timePoint,
  depth: z.int().min(1).max(16).default(2),
  rows: z.int().min(1).max(10_000).default(1000),
  budget: z.int().min(1).max(1_000_000).default(100_000),
  type: z.union([text(1, 255), z.array(text(1, 255)).min(1).max(100)]).optional(),
  direction: z.enum(['out', 'in', 'both']).default('out'),
})

interface Request extends z.output<typeof options> {
  readonly start: string
}

export const TRAVERSE: Operation<Request, { nodes: Node[]; truncated: boolean }, Traversal> = {
  name: 'memory.traverse',
  statement: statement('memory.traverse', 'select ordinal, nodes, truncated from memory.traverse($1::text, $2::jsonb)'),
  writes: false,
  itemsMax: 16,
  encode: ({ start, depth, rows, budget, type, direction, at, knownAt }) =>
    JSON.stringify({
      id: start,
      depth,
      max_rows: rows,
      budget,
      types: typeof type === 'string' ? [type] : type,
      direction,
      valid_at: at,
      known_at: knownAt,
    }),
  decode: (row, { start }) => {
    if (row === undefined) throw new Error('memory.traverse returned no row for a traversal')
    const paths: string[][] = [[start]]
    for (const { id, parent } of row.nodes) paths.push([...(paths[parent] as string[]), id])
    return {
      truncated: row.truncated,
      reached: row.nodes.map(({ depth, entity, relationshipId, relationshipType, direction }, i) => ({
        entity: entityOfJson(entity),
        depth,
        path: paths[i + 1] as string[],
        via: { id: relationshipId, type: relationshipType, direction },
      })),
    }
  },
  isIdempotent: () => true,
}

/** See KnowledgeGraph. */
export async function traverse(
  session: Session,
  start: string,
  { signal, durability: _, ...input }: TraverseOptions & CallOptions,
): Promise<Traversal> {
  const request = { start: check('start', entityId, start), ...check('options', options, input) }
  const [traversal] = await session.submit(TRAVERSE, [request], signal && { signal })
  return traversal as Traversal
}
