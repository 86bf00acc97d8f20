import { z } from 'zod'
import { probe } from '../../archive/archive-store.js'
import { parsePlace } from '../../archive/place.js'
import { type Statement, statement } from '../../database/statement.js'
import { newId } from '../../id.js'
import { LIST_ARCHIVES } from '../archives/archive.js'
import { ArchiveSession } from '../archives/archive-session.js'
import { type ArchivingOptions, advance, UNFINISHED, withStore } from '../archives/archiving.js'
import { defineService, type ServiceContext } from '../service.js'

const FIND = statement<{ schema_name: string; table_name: string; partition_name: string; size_bytes: number }>(
  'platform.find_archivable_partitions',
  `select f.schema_name, f.table_name, f.partition_name, f.size_bytes::float8 as size_bytes
  from platform.find_due_partitions() f
  where f.is_archived`,
)
const BEGIN = statement<{ kept_by: string | null }>(
  'platform.begin_archive',
  'select platform.begin_archive($1::uuid, $2::text, $3::text, $4::text, $5::text) as kept_by',
)
const KEEPER = statement<{ kept_by: string | null }>(
  'platform.preview_partition_keeper',
  'select platform.find_partition_keeper($1::text, $2::text, $3::text) as kept_by',
)

/** Archives what nobody wants kept in the database, of the tables that are archived. */
export const archive = defineService({
  name: 'archive',
  description:
    'writes partitions that no tenant wants kept into a folder or bucket, reads them back, and only then drops them; of tables that are archived',
  intervalMs: 3_600_000,
  options: z.strictObject({
    /** Where archives go: a folder, which has to be there, or `s3://bucket/prefix`. Without it nothing is archived, or dropped. */
    to: z.string().min(1).max(2000).optional(),
    /** Most partitions of a run. */
    partitionsMax: z.int().min(1).max(1000).default(10),
    /** Longest wait for those who hold a partition or its table, in milliseconds. */
    lockTimeoutMs: z.int().min(100).max(3_600_000).default(60_000),
    /** Longest time to detach a partition, in milliseconds: it waits for transactions that began before. */
    detachTimeoutMs: z.int().min(100).max(86_400_000).default(600_000),
  }),
  statements: [FIND, BEGIN, KEEPER],
  async runOnce(context, { to, partitionsMax, ...limits }) {
    if (context.isEmbedded) {
      return context.report.skip('a partition of the embedded database cannot be detached: it has one connection')
    }
    const { directUrl: url } = context
    if (to === undefined) return context.report.skip('there is no place to archive to: give the option to')
    const { url: place } = parsePlace(to)
    if (url === undefined) {
      return context.report.skip('archives need directUrl, a url past the pooler: they detach and copy on a session')
    }
    const options = { to: place, ...limits }
    // What was interrupted comes first, then the oldest months.
    let left = partitionsMax
    const open = await context.query(LIST_ARCHIVES, [null, null, null, UNFINISHED, 1000])
    for (const { archive_id, schema_name, partition_name } of open.slice(0, left)) {
      left -= 1
      const object = `${schema_name}.${partition_name}`
      if (context.dryRun) context.report.item({ action: 'archived', object, note: 'it has begun' })
      else await context.attempt(object, () => archivePartition(context, url, archive_id, object, options))
      if (context.isOver()) return context.report.leaveSome()
    }
    // One that was attached again just now is judged anew by the next run.
    const done = new Set(open.map((one) => `${one.schema_name}.${one.partition_name}`))
    const found = await ArchiveSession.lend(url, options, (session) => session.query(FIND, []))
    const due = found.filter((one) => !done.has(`${one.schema_name}.${one.partition_name}`))
    // Nothing is begun for a place that is away.
    if (due.length > 0) await withStore(place, (store) => probe(store, context.signal))
    for (const { schema_name: schema, table_name: table, partition_name: partition, size_bytes: bytes } of due) {
      if (left === 0 || context.isOver()) return context.report.leaveSome()
      const object = `${schema}.${partition}`
      await context.attempt(object, async () => {
        const id = newId()
        const values = [schema, table, partition]
        await context.batch(async () => {})
        const keptBy = await ArchiveSession.lend(url, { partition: object, ...options }, (session) =>
          session.transaction(
            async () => {
              const asked: Statement<{ kept_by: string | null }> = context.dryRun ? KEEPER : BEGIN
              const [row] = await session.query(asked, context.dryRun ? values : [id, ...values, place])
              return row?.kept_by ?? null
            },
            { undo: context.dryRun },
          ),
        )
        if (keptBy !== null) return reportKept(context, object, keptBy)
        left -= 1
        if (context.dryRun) return context.report.item({ action: 'archived', object, bytes })
        await archivePartition(context, url, id, object, options)
      })
    }
  },
})

async function archivePartition(
  context: ServiceContext,
  url: string,
  id: string,
  object: string,
  options: ArchivingOptions,
): Promise<void> {
  const { row, keptBy, freed, leftover } = await advance(context, url, id, object, options)
  if (keptBy !== null) reportKept(context, object, keptBy)
  else {
    context.report.item({
      action: 'archived',
      object,
      bytes: freed,
      note: `as ${row.name}, ${row.row_count} rows in ${row.bytes} bytes`,
      undo: `pgfleet archive restore ${row.name}`,
    })
    context.report.count({ bytes: freed })
  }
  if (leftover !== undefined) context.report.fail(`objects of earlier attempts of ${row.name}`, leftover)
}

function reportKept(context: ServiceContext, object: string, tenant: string): void {
  context.report.item({ action: 'kept', object, note: `tenant ${tenant} keeps its rows, or a legal hold does` })
}
