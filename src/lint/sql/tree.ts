import type { ColumnRef, Node, RangeVar } from 'libpg-query'

type KindOf<N> = N extends unknown ? keyof N & string : never
/** The kinds of nodes that the parser knows. */
export type NodeKind = KindOf<Node>
/** The node of a kind. */
export type NodeOf<K extends NodeKind> = K extends NodeKind ? Extract<Node, Record<K, unknown>>[K] : never

/** A node of a statement, with the way up. */
export interface Visited<K extends NodeKind = NodeKind> {
  readonly kind: K
  readonly node: NodeOf<K>
  /** The member of the parent in which it lies. */
  readonly role: string
  readonly parent: Visited | undefined
}

/** Members that hold a node without naming its kind. */
const BARE: Readonly<Record<string, NodeKind>> = {
  relation: 'RangeVar',
  pktable: 'RangeVar',
  table: 'RangeVar',
  view: 'RangeVar',
  typeName: 'TypeName',
  returnType: 'TypeName',
  argType: 'TypeName',
  onConflictClause: 'OnConflictClause',
  infer: 'InferClause',
  withClause: 'WithClause',
  larg: 'SelectStmt',
  rarg: 'SelectStmt',
  partspec: 'PartitionSpec',
  partbound: 'PartitionBoundSpec',
  bound: 'PartitionBoundSpec',
  returningClause: 'ReturningClause',
  over: 'WindowDef',
  into: 'IntoClause',
  rel: 'RangeVar',
  setstmt: 'VariableSetStmt',
}

/** All nodes under one, itself included, parents before children and in the order of the text. */
export function descend(kind: string, value: unknown, role = '', parent?: Visited, into: Visited[] = []): Visited[] {
  const node = value as Record<string, unknown>
  const here = { kind, node, role, parent } as unknown as Visited
  into.push(here)
  for (const [member, child] of Object.entries(node)) descendInto(member, child, here, into)
  return into
}

function descendInto(member: string, child: unknown, parent: Visited, into: Visited[]): void {
  if (child === null || typeof child !== 'object') return
  if (Array.isArray(child)) {
    for (const each of child) descendInto(member, each, parent, into)
    return
  }
  const keys = Object.keys(child)
  const [first] = keys
  if (keys.length === 1 && first !== undefined && /^[A-Z]/.test(first)) {
    descend(first, (child as Record<string, unknown>)[first], member, parent, into)
    return
  }
  const bare = BARE[member]
  if (bare !== undefined) descend(bare, child, member, parent, into)
}

/** The node, when it is of that kind. */
export function as<K extends NodeKind>(node: Node | undefined, kind: K): NodeOf<K> | undefined {
  return node === undefined ? undefined : ((node as Record<string, unknown>)[kind] as NodeOf<K> | undefined)
}

/** The nodes of a kind under a node, itself included. */
export function under<K extends NodeKind>(node: Node | undefined, kind: K): NodeOf<K>[] {
  if (node === undefined) return []
  const [key] = Object.keys(node)
  if (key === undefined) return []
  return descend(key, (node as Record<string, unknown>)[key])
    .filter((each) => each.kind === kind)
    .map((each) => each.node as NodeOf<K>)
}

/** The words of a list of names: `["pg_catalog", "int4"]`. */
export function words(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((each) => {
    const text = as(each, 'String')?.sval
    return text === undefined ? [] : [text]
  })
}

/** The last word of a list of names: the bare name. */
export function lastWord(nodes: readonly Node[] | undefined): string {
  return words(nodes).at(-1) ?? ''
}

/** A column reference taken apart; undefined for `*`. */
export function columnOf(node: Node | undefined): { qualifier: string | undefined; name: string } | undefined {
  const reference: ColumnRef | undefined = as(node, 'ColumnRef')
  if (reference === undefined || (reference.fields ?? []).some((field) => 'A_Star' in field)) return undefined
  const parts = words(reference.fields)
  const name = parts.at(-1)
  return name === undefined ? undefined : { qualifier: parts.at(-2), name }
}

/** The text of a string constant, casts around it aside. */
export function stringOf(node: Node | undefined): string | undefined {
  const cast = as(node, 'TypeCast')
  if (cast !== undefined) return stringOf(cast.arg)
  // The parser takes a bare word for a type: `off`.
  const word = as(node, 'TypeName')
  if (word !== undefined) return lastWord(word.names)
  const constant = as(node, 'A_Const')
  return constant?.sval === undefined ? as(node, 'String')?.sval : (constant.sval.sval ?? '')
}

/** The value of a number constant. */
export function numberOf(node: Node | undefined): number | undefined {
  const constant = as(node, 'A_Const')
  if (constant?.ival !== undefined) return constant.ival.ival ?? 0
  if (constant?.fval !== undefined) return Number(constant.fval.fval)
  const integer = as(node, 'Integer')
  if (integer !== undefined) return integer.ival ?? 0
  const float = as(node, 'Float')
  return float === undefined ? undefined : Number(float.fval)
}

/** The operator of an expression: `=`, `@>`. */
export function operatorOf(node: Node | undefined): string | undefined {
  const expression = as(node, 'A_Expr')
  return expression === undefined ? undefined : lastWord(expression.name)
}

/** `schema.table`, or `table` where no schema is named. */
export function relationName(relation: RangeVar | undefined): string {
  return [relation?.schemaname, relation?.relname].filter((part) => part !== undefined).join('.')
}

/** The name of a type without its schema, in PostgreSQL's own words: int4, timestamptz. */
export function typeName(type: NodeOf<'TypeName'> | undefined): string {
  return lastWord(type?.names)
}
