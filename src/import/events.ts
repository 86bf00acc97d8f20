import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Tenant } from '../fleet.js'
import type { Events, NewEvent, PassHatK } from '../stores/memory/index.js'
import type { Run, RunFile } from './runs.js'

/** How runs are imported. */
export interface ImportOptions {
  /** The `source` of the events, 1 to 200 characters. */
  readonly source: string
  /** The time of the first event. Runs that were imported before keep theirs. At most 400 days ago. @default now */
  readonly at?: Date
  /** Ends the import between two runs; those that were imported stay. */
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** What an import did. */
export interface Imported {
  readonly runs: number
  /** Events appended. */
  readonly events: number
  /** Events that were there before. */
  readonly replayed: number
  /** pass^k over all runs of that source. */
  readonly passHatK: readonly PassHatK[]
}

/** Runs appended at once. */
const RUNS_AT_ONCE = 16

/**
 * Imports runs into the event log: an event a message, a tool call and a result, those of a run under its correlation id
 * and in one transaction. Ids follow from the content, so importing a file again changes nothing.
 */
export async function importRuns(
  tenant: Pick<Tenant, 'memory'>,
  file: RunFile,
  options: ImportOptions,
): Promise<Imported> {
  const { source, signal, onProgress } = options
  const { events } = tenant.memory
  const known = await knownRuns(events, source)
  const total = file.runs.length
  let time = options.at?.getTime() ?? Date.now()
  let appended = 0
  let replayed = 0
  for (let first = 0; first < total; first += RUNS_AT_ONCE) {
    signal?.throwIfAborted()
    const calls = file.runs.slice(first, first + RUNS_AT_ONCE).map((run, i) => {
      const correlationId = correlationOf(run, file.hashes[first + i] as string)
      const made = eventsOf(run)
      // A millisecond an event, the result last; a run that was imported before has the time that its result has.
      const ended = known.get(correlationId)
      const start = ended === undefined ? time : ended - (made.length - 1)
      if (ended === undefined) time += made.length
      return events.append(
        made.map((event, place) => ({
          ...event,
          id: idOf(correlationId, place, start + place),
          correlationId,
          source,
        })),
        signal && { signal },
      )
    })
    for (const result of (await Promise.all(calls)).flat()) {
      if (result.replayed) replayed += 1
      else appended += 1
    }
    onProgress?.(Math.min(total, first + RUNS_AT_ONCE), total)
  }
  return { runs: total, events: appended, replayed, passHatK: await events.passHatK({ source }) }
}

/** The times at which runs ended that the log holds, by correlation id. */
async function knownRuns(events: Events, source: string): Promise<Map<string, number>> {
  const known = new Map<string, number>()
  let after: string | undefined
  do {
    const page = await events.query({
      type: 'run.ended',
      source,
      limit: 1000,
      ...(after === undefined ? {} : { after }),
    })
    for (const { correlationId, occurredAt } of page.events) {
      if (correlationId !== null) known.set(correlationId, occurredAt.getTime())
    }
    after = page.next
  } while (after !== undefined)
  return known
}

function correlationOf(run: Run, hash: string): string {
  return `run-${String(run.task_id).slice(0, 100)}-${run.trial}-${hash}`
}

/** The same id for the same event, whoever imports it. */
function idOf(correlationId: string, place: number, msecs: number): string {
  const random = createHash('sha256').update(`${correlationId}\n${place}`).digest()
  return uuidv7({ msecs, random: new Uint8Array(random.subarray(0, 16)) })
}

function eventsOf(run: Run): NewEvent[] {
  const about = { task: run.task_id, trial: run.trial }
  const said = run.traj.flatMap((message, step): NewEvent[] => [
    message.role === 'tool'
      ? {
          type: 'tool.returned',
          payload: {
            ...about,
            step,
            tool: message.name ?? null,
            callId: message.tool_call_id ?? null,
            content: message.content ?? null,
          },
        }
      : { type: `message.${message.role}`, payload: { ...about, step, content: message.content ?? null } },
    ...(message.tool_calls ?? []).map((call) => ({
      type: 'tool.called',
      payload: {
        ...about,
        step,
        tool: call.function.name,
        callId: call.id ?? null,
        arguments: call.function.arguments,
      },
    })),
  ])
  return [...said, { type: 'run.ended', payload: { ...about, reward: run.reward, steps: run.traj.length } }]
}
