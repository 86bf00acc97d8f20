import { FleetError } from '../../errors.js'

/** Schema of the functions that write no audit, and of the tables without what only the audit needs. */
export const TWIN = 'bench_audit'

/** A text that a function has, and what its twin has instead. */
type Part = readonly [string | RegExp, string]

/** The columns of a table whose rows are entries of the audit, as all statements name them. */
const COLUMNS = 'transaction_id, audit_sequence, actor_type, actor_id, correlation_id'

/** What writes a row of the log beside the change: a step of its statement. */
const STEP: Part = [/,\n( +)audited as \(\n[\s\S]*?\n\1\)(?=[,\n])/g, '']
const PREFIX: Part = ['v_prefix := delivery.audit_prefix();', '']
const TRANSACTION: Part = ['  v_transaction := platform.log_transaction(pg_current_xact_id());\n', '']

/** The functions that are measured, each with what makes its twin of its own text. */
const FUNCTIONS: Readonly<Record<string, readonly Part[]>> = {
  record_interactions: [
    [`,\n      ${COLUMNS})`, ')'],
    [",\n      v_transaction, nextval('delivery.audit_sequence'), x.actor_type, x.actor_id, x.correlation_id\n", '\n'],
    TRANSACTION,
  ],
  create_agent_sessions: [
    [`,\n      ${COLUMNS}, created_with)`, ')'],
    [/,\n +case when x\.id between v_from and v_to then v_transaction end,\n[\s\S]*?\n {6}end\n/, '\n'],
    ['  ),\n  created as (\n    insert', '  )\n    insert'],
    [/\n +returning session_id, transaction_id\n[\s\S]*?\n {2}end if;\n/, ';\n'],
    TRANSACTION,
  ],
  change_agent_sessions: [
    [
      /insert into delivery\.audit_log [\s\S]*?;\n/,
      'select x.session_id::text into v_status from changed x limit 1;\n',
    ],
    [/returning x\.id, x\.ordinality,[\s\S]*? as changes\n/, 'returning s.session_id\n'],
    PREFIX,
  ],
  put_pull_requests: [STEP, PREFIX],
  create_workflows: [
    [
      `,\n        ${COLUMNS.replace('audit_sequence,', 'audit_sequence, recorded_at,')}, created_priority, created_tasks, created_with)`,
      ')',
    ],
    [/,\n +case when i\.is_entry [\s\S]*?\n {8}end\n/, '\n'],
    [/\n {4}\),\n +tasked as \(\n/, '\n    )\n'],
    [/\n {4}\)\n +select array_agg\(i\.id\)[\s\S]*?;\n/, ';\n'],
    [/ {2}if v_logged is not null then\n[\s\S]*?\n {2}end if;\n/, ''],
    TRANSACTION,
    PREFIX,
  ],
  transition_workflows: [PREFIX],
  move_workflows: [
    STEP,
    [' with ordinality as m(id, status, reason, identity, ordinality)', ' as m(id, status, reason, identity)'],
    [', m.identity, m.ordinality\n', ', m.identity\n'],
  ],
  end_workflows: [],
  settle_tasks: [],
  claim_jobs_packed: [STEP, PREFIX],
  end_jobs: [STEP, PREFIX],
  record_metrics: [[/insert into delivery\.audit_log\n[\s\S]*?;\n/g, 'null;\n'], PREFIX],
}

/** The tables whose rows are entries of the audit: without the columns and the index that it needs. */
const TABLES = `
  create table ${TWIN}.agent_interactions (like delivery.agent_interactions including all) partition by range (interaction_id);
  alter table ${TWIN}.agent_interactions drop constraint agent_interactions_place, ${dropped(COLUMNS)};
  create table ${TWIN}.agent_sessions (like delivery.agent_sessions including all) with (fillfactor = 60);
  alter table ${TWIN}.agent_sessions ${dropped(`${COLUMNS}, created_with`)};
  create table ${TWIN}.workflow_details (like delivery.workflow_details including all);
  alter table ${TWIN}.workflow_details drop constraint workflow_details_place, ${dropped(`${COLUMNS}, recorded_at, created_priority, created_tasks, created_with`)};
  do $$
  declare
    v_table text;
    v_month timestamptz;
  begin
    foreach v_table in array array['agent_interactions', 'agent_sessions', 'workflow_details'] loop
      execute format('alter table ${TWIN}.%I enable row level security, force row level security', v_table);
      execute format('create policy tenant_isolation on ${TWIN}.%I using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
      execute format('grant select, insert, update on ${TWIN}.%I to pgfleet_app', v_table);
    end loop;
    for v_month in select date_trunc('month', now(), 'UTC') + n * interval '1 month' from generate_series(0, 1) n loop
      execute format('create table ${TWIN}.agent_interactions_p%s partition of ${TWIN}.agent_interactions for values from (%L) to (%L)',
        to_char(v_month at time zone 'UTC', 'YYYYMM'), platform.uuid_floor(v_month), platform.uuid_floor(v_month + interval '1 month'));
    end loop;
  end
  $$`

function dropped(columns: string): string {
  return columns
    .split(', ')
    .map((column) => `drop column ${column}`)
    .join(', ')
}

/** The text of a function without its audit. */
function withoutAudit(name: string, text: string): string {
  const refuse = () => {
    throw new FleetError('BENCH_FAILED', { message: `delivery.${name} is not written as this scenario knows it` })
  }
  let twin = text
  for (const [part, by] of FUNCTIONS[name] as readonly Part[]) {
    const next = twin.replace(part, by)
    if (next === twin) refuse()
    twin = next
  }
  for (const other of Object.keys(FUNCTIONS)) twin = twin.replaceAll(`delivery.${other}(`, `${TWIN}.${other}(`)
  for (const table of ['agent_interactions', 'agent_sessions', 'workflow_details'])
    twin = twin.replaceAll(`delivery.${table}`, `${TWIN}.${table}`)
  return /audit_(log|prefix|sequence)/.test(twin) ? refuse() : twin
}

/** A connection of the owner. */
interface Connection {
  query<Row extends object>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>
}

/** Makes the twin anew: a schema with the same functions, which change the same tables and write no audit. */
export async function makeTwin(connection: Connection): Promise<void> {
  await connection.query(`drop schema if exists ${TWIN} cascade`)
  await connection.query(`create schema ${TWIN}`)
  await connection.query(TABLES)
  for (const name of Object.keys(FUNCTIONS)) {
    const { rows } = await connection.query<{ text: string }>(
      `select pg_get_functiondef(p.oid) as text from pg_proc p where p.pronamespace = 'delivery'::regnamespace and p.proname = $1`,
      [name],
    )
    await connection.query(withoutAudit(name, rows[0]?.text ?? ''))
  }
  await connection.query(`grant usage on schema ${TWIN} to pgfleet_app`)
}

/** The tables of the twin, for a vacuum. */
export const TWIN_TABLES = `${TWIN}.agent_interactions, ${TWIN}.agent_sessions, ${TWIN}.workflow_details`
