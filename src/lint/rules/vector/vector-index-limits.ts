import type { StatementRule } from '../../rule.js'
import { as, numberOf, stringOf } from '../../sql/tree.js'

const DIMENSIONS: Readonly<Record<string, number>> = { vector: 2000, halfvec: 4000 }

export const vectorIndexLimits: StatementRule = {
  on: 'sql',
  id: 'vector-index-limits',
  level: 'error',
  summary: 'A vector index beyond what it can hold: too many dimensions, or ef_construction below twice m.',
  why: 'pgvector refuses both: 2,000 dimensions for vector, 4,000 for halfvec; ef_construction of at least 2 * m.',
  remedy:
    'For more than 2,000 dimensions index `(embedding::halfvec(3072)) halfvec_cosine_ops`, or binary_quantize with a second, exact comparison.',
  *check(statement, { catalog }) {
    const index = statement.is('IndexStmt')
    if (index === undefined || !/^(hnsw|ivfflat)$/.test(index.accessMethod ?? '')) return
    const table = catalog.find(index.relation?.schemaname, index.relation?.relname ?? '')
    for (const each of index.indexParams ?? []) {
      const key = as(each, 'IndexElem')
      const column = table?.columns.get(key?.name ?? '')
      const cast = as(key?.expr, 'TypeCast')?.typeName
      const type = column?.type ?? (cast?.names?.at(-1) as { String?: { sval?: string } } | undefined)?.String?.sval
      const size = column?.modifiers[0] ?? numberOf(cast?.typmods?.[0])
      const most = DIMENSIONS[type ?? '']
      if (most !== undefined && size !== undefined && size > most) {
        yield {
          at: index.relation?.location,
          message: `${type}(${size}) is beyond the ${most} dimensions of a ${index.accessMethod} index`,
        }
      }
    }
    const option = (name: string, standard: number) => {
      const found = (index.options ?? []).map((each) => as(each, 'DefElem')).find((each) => each?.defname === name)
      return found === undefined ? standard : (numberOf(found.arg) ?? Number(stringOf(found.arg)))
    }
    const [m, construction] = [option('m', 16), option('ef_construction', 64)]
    if (index.accessMethod === 'hnsw' && construction < 2 * m) {
      yield { at: index.relation?.location, message: `ef_construction ${construction} is less than twice m = ${m}` }
    }
  },
}
