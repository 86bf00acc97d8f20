import type { AlterTableCmd, ColumnDef, Constraint, CreateStmt, IndexStmt, Node, RangeVar } from 'libpg-query'
import type { Statement } from '../sql/statement.js'
import { as, columnOf, lastWord, numberOf, stringOf, typeName, under, words } from '../sql/tree.js'
import type { Catalog, Column, Index, Table } from './catalog.js'

/** Takes into the catalogue what a statement creates, changes or drops. */
export function applyStatement(catalog: Catalog, statement: Statement): void {
  const create = statement.is('CreateStmt')
  if (create !== undefined) catalog.add(tableOf(create, catalog))
  const index = statement.is('IndexStmt')
  if (index !== undefined) find(catalog, index.relation)?.indexes.push(indexOf(index))
  const alter = statement.is('AlterTableStmt')
  const altered = alter === undefined ? undefined : find(catalog, alter.relation)
  if (altered !== undefined) {
    for (const each of alter?.cmds ?? []) alterTable(altered, as(each, 'AlterTableCmd') ?? {})
  }
  const policy = statement.is('CreatePolicyStmt')
  const protectedTable = policy === undefined ? undefined : find(catalog, policy.table)
  if (protectedTable !== undefined) protectedTable.policies++
  const routine = statement.is('CreateFunctionStmt')
  if (routine !== undefined && routine.is_procedure !== true) {
    const name = lastWord(routine.funcname)
    const option = (routine.options ?? [])
      .map((each) => as(each, 'DefElem'))
      .find((each) => each?.defname === 'volatility')
    const volatility = ({ immutable: 'i', stable: 's' } as const)[stringOf(option?.arg) ?? ''] ?? 'v'
    const before = catalog.volatilities.get(name)
    catalog.volatilities.set(name, catalog.volatilities.has(name) && before !== volatility ? undefined : volatility)
  }
  const view = statement.is('ViewStmt')?.view ?? statement.is('CreateTableAsStmt')?.into?.rel
  if (view?.relname !== undefined) catalog.add(unknownTable(view, statement.kind === 'ViewStmt' ? 'view' : 'table'))
}

function find(catalog: Catalog, relation: RangeVar | undefined): Table | undefined {
  return relation?.relname === undefined ? undefined : catalog.find(relation.schemaname, relation.relname)
}

function unknownTable(relation: RangeVar, kind: Table['kind']): Table {
  return {
    schema: relation.schemaname,
    name: relation.relname ?? '',
    kind,
    columns: new Map(),
    complete: false,
    indexes: [],
    partitionKey: undefined,
    partitionOf: undefined,
    rowSecurity: false,
    forced: false,
    policies: 0,
  }
}

function tableOf(create: CreateStmt, catalog: Catalog): Table {
  const parent = as(create.inhRelations?.[0], 'RangeVar')
  const partition = create.partbound === undefined ? undefined : parent
  const inherited = partition === undefined ? undefined : find(catalog, partition)
  const table: Table = {
    ...unknownTable(create.relation ?? {}, 'table'),
    columns: new Map(inherited?.columns),
    complete:
      partition === undefined ? parent === undefined && create.ofTypename === undefined : inherited?.complete === true,
    partitionKey: create.partspec === undefined ? undefined : partitionColumns(create.partspec.partParams),
    partitionOf: partition?.relname,
  }
  for (const element of create.tableElts ?? []) {
    const column = as(element, 'ColumnDef')
    if (column !== undefined) addColumn(table, column)
    const constraint = as(element, 'Constraint')
    if (constraint !== undefined) addConstraint(table, constraint, undefined)
    if ('TableLikeClause' in element) table.complete = false
  }
  return table
}

/** The columns of a partition key; expressions count by nothing. */
export function partitionColumns(parameters: readonly Node[] | undefined): string[] {
  return (parameters ?? []).flatMap((each) => as(each, 'PartitionElem')?.name ?? [])
}

/** What a column's definition says. */
export function columnFrom(definition: ColumnDef): Column {
  const constraints = (definition.constraints ?? []).map((each) => as(each, 'Constraint')?.contype)
  const type = typeName(definition.typeName)
  const serial = /^(small|big)?serial[248]?$/.test(type) || constraints.includes('CONSTR_IDENTITY')
  return {
    name: definition.colname ?? '',
    type: (definition.typeName?.arrayBounds?.length ?? 0) > 0 ? `${type}[]` : type,
    modifiers: (definition.typeName?.typmods ?? []).flatMap((each) => numberOf(each) ?? []),
    notNull: constraints.some((kind) => kind === 'CONSTR_NOTNULL' || kind === 'CONSTR_PRIMARY') || serial,
    hasDefault: serial || constraints.some((kind) => kind === 'CONSTR_DEFAULT' || kind === 'CONSTR_GENERATED'),
    generated: constraints.includes('CONSTR_GENERATED'),
    serial,
  }
}

function addColumn(table: Table, definition: ColumnDef): void {
  const column = columnFrom(definition)
  table.columns.set(column.name, column)
  for (const each of definition.constraints ?? []) {
    const constraint = as(each, 'Constraint')
    if (constraint !== undefined) addConstraint(table, constraint, column.name)
  }
}

function addConstraint(table: Table, constraint: Constraint, column: string | undefined): void {
  if (constraint.contype !== 'CONSTR_PRIMARY' && constraint.contype !== 'CONSTR_UNIQUE') return
  const columns = column === undefined ? words(constraint.keys) : [column]
  if (columns.length === 0) return
  table.indexes.push({
    name: constraint.conname ?? '',
    method: 'btree',
    columns,
    unique: true,
    partial: false,
    classes: columns.map(() => undefined),
    expressionColumns: [],
  })
  if (constraint.contype === 'CONSTR_UNIQUE') return
  for (const name of columns) {
    const key = table.columns.get(name)
    if (key !== undefined) key.notNull = true
  }
}

/** What an index's definition says. */
export function indexOf(statement: IndexStmt): Index {
  const keys = (statement.indexParams ?? []).map((each) => as(each, 'IndexElem') ?? {})
  return {
    name: statement.idxname ?? '',
    method: statement.accessMethod ?? 'btree',
    columns: keys.map((key) => key.name),
    unique: statement.unique === true,
    partial: statement.whereClause !== undefined,
    classes: keys.map((key) => (key.opclass === undefined ? undefined : lastWord(key.opclass))),
    expressionColumns: keys.flatMap((key) =>
      under(key.expr, 'ColumnRef').flatMap((reference) => columnOf({ ColumnRef: reference })?.name ?? []),
    ),
  }
}

function alterTable(table: Table, command: AlterTableCmd): void {
  const column = table.columns.get(command.name ?? '')
  switch (command.subtype) {
    case 'AT_AddColumn': {
      const definition = as(command.def, 'ColumnDef')
      if (definition !== undefined) addColumn(table, definition)
      break
    }
    case 'AT_AddConstraint': {
      const constraint = as(command.def, 'Constraint')
      if (constraint !== undefined) addConstraint(table, constraint, undefined)
      break
    }
    case 'AT_DropColumn':
      // Other files may read it before it goes.
      table.complete = false
      break
    case 'AT_SetNotNull':
      if (column !== undefined) column.notNull = true
      break
    case 'AT_DropNotNull':
      if (column !== undefined) column.notNull = false
      break
    case 'AT_EnableRowSecurity':
      table.rowSecurity = true
      break
    case 'AT_DisableRowSecurity':
      table.rowSecurity = false
      break
    case 'AT_ForceRowSecurity':
      table.forced = true
      break
    case 'AT_NoForceRowSecurity':
      table.forced = false
      break
    default:
  }
}
