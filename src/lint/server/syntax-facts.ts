import type { Node } from 'libpg-query'
import type { Catalog } from '../catalog/catalog.js'
import type { PgVersion } from '../rule.js'
import type { Statement } from '../sql/statement.js'
import { as, columnOf, under, words } from '../sql/tree.js'

/** Syntax that a major brought, by its release notes: majors before it refuse it. */
export interface SyntaxFact {
  /** The major that brought it; what the oldest known major has is not listed. */
  readonly since: PgVersion
  readonly what: string
  /** Where a statement uses it: offsets in the source, undefined for the statement itself. */
  uses(statement: Statement, catalog: Catalog): (number | undefined)[]
}

type Kind = Parameters<Statement['all']>[0]
interface Placed {
  readonly location?: number
}

/** Every node of the kinds. */
const nodes =
  (...kinds: Kind[]) =>
  (statement: Statement) =>
    kinds.flatMap((kind) => statement.all(kind).map(({ node }) => (node as Placed).location))

/** Options of a statement of the kind. */
const options =
  (kind: 'CopyStmt' | 'VacuumStmt' | 'ExplainStmt' | 'CreateSubscriptionStmt' | 'GrantRoleStmt', names: RegExp) =>
  (statement: Statement) =>
    statement.all(kind).flatMap(({ node }) => {
      const given = (node as { options?: Node[]; opt?: Node[] }).options ?? (node as { opt?: Node[] }).opt
      return (given ?? []).flatMap((each) => {
        const option = as(each, 'DefElem')
        return names.test(option?.defname ?? '') ? [option?.location] : []
      })
    })

/** Calls that the grammar makes of words of its own. */
const spoken = (name: string, arity: number) => (statement: Statement) =>
  statement.all('FuncCall').flatMap(({ node }) => {
    const isMeant = node.funcformat === 'COERCE_SQL_SYNTAX' && words(node.funcname).at(-1) === name
    return isMeant && (node.args?.length ?? 0) === arity ? [node.location] : []
  })

/** Constraints that a statement defines. */
const constraints = (test: (constraint: ReturnType<typeof constraintsOf>[number]['node'], role: string) => boolean) => {
  return (statement: Statement) =>
    constraintsOf(statement).flatMap(({ node, role }) => (test(node, role) ? [node.location] : []))
}
const constraintsOf = (statement: Statement) => statement.all('Constraint')

/** Commands of an ALTER TABLE. */
const alters = (test: (command: ReturnType<typeof commandsOf>[number]['node']) => boolean) => (statement: Statement) =>
  commandsOf(statement).flatMap(({ node }) => (test(node) ? [undefined] : []))
const commandsOf = (statement: Statement) => statement.all('AlterTableCmd')

const columnsOf = (statement: Statement) => statement.all('ColumnDef').map(({ node }) => node)

export const SYNTAX_FACTS: readonly SyntaxFact[] = [
  {
    since: 16,
    what: 'an SQL/JSON constructor (JSON_ARRAY, JSON_OBJECT and their aggregates)',
    uses: (statement) => [
      ...nodes('JsonObjectConstructor', 'JsonArrayConstructor', 'JsonArrayQueryConstructor')(statement),
      ...[...statement.all('JsonObjectAgg'), ...statement.all('JsonArrayAgg')].map(
        ({ node }) => (node as { constructor?: Placed }).constructor?.location,
      ),
    ],
  },
  { since: 16, what: 'IS JSON', uses: nodes('JsonIsPredicate') },
  {
    since: 16,
    what: 'a number in hexadecimal, octal or binary, or with underscores',
    uses: (statement) =>
      statement.all('A_Const').flatMap(({ node: { location } }) => {
        const text = location === undefined ? '' : statement.source.text.slice(location, location + 80)
        return /^-?\s*(?:0[xob][\da-f]|[\d.]*\d_\d)/i.test(text) ? [location] : []
      }),
  },
  {
    since: 16,
    what: 'a subquery in FROM without an alias',
    uses: (statement) => statement.all('RangeSubselect').flatMap(({ node }) => (node.alias ? [] : [undefined])),
  },
  {
    since: 16,
    what: 'STORAGE in a column of CREATE TABLE',
    uses: (statement) =>
      statement.kind === 'CreateStmt'
        ? columnsOf(statement).flatMap((each) => (each.storage_name === undefined ? [] : [each.location]))
        : [],
  },
  { since: 16, what: 'DEFAULT of COPY', uses: options('CopyStmt', /^default$/) },
  {
    since: 16,
    what: 'this option of VACUUM or ANALYZE',
    uses: options('VacuumStmt', /^(skip_database_stats|only_database_stats|buffer_usage_limit|process_main)$/),
  },
  { since: 16, what: 'GENERIC_PLAN of EXPLAIN', uses: options('ExplainStmt', /^generic_plan$/) },
  { since: 16, what: 'INHERIT and SET of GRANT', uses: options('GrantRoleStmt', /^(inherit|set)$/) },
  { since: 16, what: 'SYSTEM_USER', uses: spoken('system_user', 0) },
  {
    since: 16,
    what: 'INDENT of XMLSERIALIZE',
    uses: (statement) =>
      statement.all('XmlSerialize').flatMap(({ node }) => (node.indent === true ? [node.location] : [])),
  },
  {
    since: 16,
    what: 'CREATE STATISTICS without a name',
    uses: (statement) =>
      statement.all('CreateStatsStmt').flatMap(({ node }) => (node.defnames === undefined ? [undefined] : [])),
  },
  {
    since: 16,
    what: 'REINDEX DATABASE or SYSTEM without a name',
    uses: (statement) =>
      statement
        .all('ReindexStmt')
        .flatMap(({ node }) => (/DATABASE|SYSTEM/.test(node.kind ?? '') && node.name === undefined ? [undefined] : [])),
  },
  {
    since: 16,
    what: 'this option of CREATE SUBSCRIPTION',
    uses: options('CreateSubscriptionStmt', /^(origin|run_as_owner|password_required)$/),
  },
  {
    since: 17,
    what: 'MERGE … RETURNING',
    uses: (statement) =>
      statement.all('MergeStmt').flatMap(({ node }) => (node.returningClause === undefined ? [] : [undefined])),
  },
  {
    since: 17,
    what: 'WHEN NOT MATCHED BY SOURCE',
    uses: (statement) =>
      statement
        .all('MergeWhenClause')
        .flatMap(({ node }) => (node.matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE' ? [undefined] : [])),
  },
  { since: 17, what: 'JSON_TABLE', uses: nodes('JsonTable') },
  { since: 17, what: 'JSON_EXISTS, JSON_QUERY or JSON_VALUE', uses: nodes('JsonFuncExpr') },
  {
    since: 17,
    what: 'JSON_SCALAR, JSON_SERIALIZE, or JSON with unique keys',
    uses: (statement) => [
      ...nodes('JsonScalarExpr', 'JsonSerializeExpr')(statement),
      // Without them it is a cast, which older majors have.
      ...statement.all('JsonParseExpr').flatMap(({ node }) => (node.unique_keys === true ? [node.location] : [])),
    ],
  },
  { since: 17, what: 'AT LOCAL', uses: spoken('timezone', 1) },
  { since: 17, what: 'this option of COPY', uses: options('CopyStmt', /^(on_error|log_verbosity)$/) },
  {
    since: 17,
    what: 'FORCE_NULL or FORCE_NOT_NULL of all columns',
    uses: (statement) =>
      statement.all('CopyStmt').flatMap(({ node }) =>
        (node.options ?? []).flatMap((each) => {
          const option = as(each, 'DefElem')
          const isAll = option?.arg !== undefined && 'A_Star' in option.arg
          return /^force_/.test(option?.defname ?? '') && isAll ? [option?.location] : []
        }),
      ),
  },
  { since: 17, what: 'this option of EXPLAIN', uses: options('ExplainStmt', /^(memory|serialize)$/) },
  {
    since: 17,
    what: 'the privilege MAINTAIN',
    uses: (statement) =>
      statement.all('AccessPriv').flatMap(({ node }) => (node.priv_name === 'maintain' ? [undefined] : [])),
  },
  {
    since: 17,
    what: 'ALTER COLUMN … SET EXPRESSION',
    uses: alters(({ subtype }) => subtype === 'AT_SetExpression'),
  },
  {
    since: 17,
    what: 'SET STATISTICS DEFAULT or SET ACCESS METHOD DEFAULT',
    uses: alters(
      ({ subtype, def, name }) =>
        (subtype === 'AT_SetStatistics' && def === undefined) ||
        (subtype === 'AT_SetAccessMethod' && name === undefined),
    ),
  },
  {
    since: 17,
    what: 'an exclusion constraint or USING of a partitioned table',
    uses: (statement) => {
      const create = statement.is('CreateStmt')
      if (create?.partspec === undefined) return []
      const found = constraints(({ contype }) => contype === 'CONSTR_EXCLUSION')
      return [...found(statement), ...(create.accessMethod === undefined ? [] : [undefined])]
    },
  },
  {
    since: 17,
    what: 'an event trigger on login',
    uses: (statement) => (statement.is('CreateEventTrigStmt')?.eventname === 'login' ? [undefined] : []),
  },
  {
    since: 18,
    what: 'OLD and NEW in RETURNING',
    uses: (statement) => {
      const renamed = statement.all('ReturningOption').map(({ node }) => node.location)
      // In a trigger both are variables; elsewhere tables may be called so.
      const isNamed = statement
        .all('RangeVar')
        .some(({ node }) => /^(old|new)$/.test(node.alias?.aliasname ?? node.relname ?? ''))
      if (statement.routine !== undefined || isNamed) return renamed
      const columns = statement.all('ReturningClause').flatMap(({ node }) =>
        (node.exprs ?? [])
          .flatMap((each) => under(each, 'ColumnRef'))
          .flatMap((reference) => {
            const qualifier = columnOf({ ColumnRef: reference })?.qualifier ?? words(reference.fields)[0]
            return /^(old|new)$/.test(qualifier ?? '') && (reference.fields?.length ?? 0) === 2
              ? [reference.location]
              : []
          }),
      )
      return [...renamed, ...columns]
    },
  },
  {
    since: 18,
    what: 'a virtual generated column',
    uses: constraints(({ contype, generated_kind }) => contype === 'CONSTR_GENERATED' && generated_kind === 'v'),
  },
  {
    since: 18,
    what: 'a temporal key (WITHOUT OVERLAPS, PERIOD)',
    uses: constraints(({ without_overlaps, fk_with_period }) => without_overlaps === true || fk_with_period === true),
  },
  {
    since: 18,
    what: 'ENFORCED and NOT ENFORCED',
    uses: (statement) => [
      ...constraints(
        ({ contype, is_enforced }, role) =>
          /^CONSTR_ATTR_(NOT_)?ENFORCED$/.test(contype ?? '') ||
          // A constraint of a column says it by a node of its own.
          (role !== 'constraints' && /^CONSTR_(CHECK|FOREIGN)$/.test(contype ?? '') && is_enforced !== true),
      )(statement),
      ...statement.all('ATAlterConstraint').flatMap(({ node }) => (node.alterEnforceability ? [undefined] : [])),
    ],
  },
  {
    since: 18,
    what: 'NOT NULL as a constraint of the table',
    uses: constraints(({ contype, keys }) => contype === 'CONSTR_NOTNULL' && (keys?.length ?? 0) > 0),
  },
  {
    since: 18,
    what: 'ALTER CONSTRAINT … INHERIT',
    uses: (statement) =>
      statement.all('ATAlterConstraint').flatMap(({ node }) => (node.alterInheritability ? [undefined] : [])),
  },
  {
    since: 18,
    what: 'a foreign key of a partitioned table that is NOT VALID',
    uses: (statement, catalog) => {
      const alter = statement.is('AlterTableStmt')
      const table =
        alter?.relation?.relname === undefined
          ? undefined
          : catalog.find(alter.relation.schemaname, alter.relation.relname)
      if (table?.partitionKey === undefined) return []
      return constraints(({ contype, skip_validation }) => contype === 'CONSTR_FOREIGN' && skip_validation === true)(
        statement,
      )
    },
  },
  { since: 18, what: 'REJECT_LIMIT of COPY', uses: options('CopyStmt', /^reject_limit$/) },
  {
    since: 18,
    what: 'ONLY in VACUUM or ANALYZE',
    uses: (statement) =>
      statement
        .all('VacuumRelation')
        .flatMap(({ node }) => (node.relation?.inh === true ? [] : [node.relation?.location])),
  },
  {
    since: 18,
    what: 'LIKE in CREATE FOREIGN TABLE',
    uses: (statement) =>
      statement
        .all('CreateForeignTableStmt')
        .flatMap(({ node }) =>
          (node.base?.tableElts ?? []).some((each) => 'TableLikeClause' in each) ? [undefined] : [],
        ),
  },
]
