import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'

const FIND = statement<{ schema_name: string; table_name: string; partition_name: string; month: Date }>(
  'platform.find_missing_partitions',
  `select m.schema_name, m.table_name, m.partition_name, m.month
  from platform.find_missing_partitions(now(), $1::integer) m`,
)
const CREATE = statement<{ created: boolean }>(
  'platform.create_partition_ahead',
  'select platform.create_partition_ahead($1::text, $2::text, $3::timestamptz) as created',
)

/** Makes the partitions of the months to come, so that no writer has to. */
export const partitionsAhead = defineService({
  name: 'partitions-ahead',
  description: 'makes the partitions of this month and the next, by UTC',
  intervalMs: 3_600_000,
  options: z.strictObject({
    /** Months behind the present one, 0 to 12. */
    months: z.int().min(0).max(12).default(3),
  }),
  statements: [FIND, CREATE],
  async runOnce(context, { months }) {
    for (const missing of await context.query(FIND, [months])) {
      const { schema_name: schema, table_name: table, month } = missing
      const object = `${schema}.${missing.partition_name}`
      if (context.dryRun) {
        context.report.item({ action: 'created', object })
        continue
      }
      await context.attempt(object, async () => {
        const [row] = await context.batch((run) => run(CREATE, [schema, table, month]))
        if (row?.created) context.report.item({ action: 'created', object, undo: `drop table ${object}` })
      })
      if (context.isOver()) return context.report.leaveSome()
    }
  },
})
