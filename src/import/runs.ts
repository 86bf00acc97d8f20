import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FleetError } from '../errors.js'
import { check } from '../input.js'

/** What an agent and its surroundings said. */
export interface RunMessage {
  readonly role: string
  readonly content?: string | null | undefined
  /** The tool that answers, for the role `tool`. */
  readonly name?: string | undefined
  readonly tool_call_id?: string | undefined
  readonly tool_calls?:
    | readonly {
        readonly id?: string | undefined
        readonly function: { readonly name: string; readonly arguments: string }
      }[]
    | null
    | undefined
}

/** One run of an agent on a task, as tau-bench writes it. */
export interface Run {
  readonly task_id: string | number
  readonly trial: number
  /** 1 for a success. */
  readonly reward: number
  readonly traj: readonly RunMessage[]
}

/** The runs of a file. */
export interface RunFile {
  readonly runs: readonly Run[]
  /** A hash of each run's content, 32 hexadecimal digits, in the same order; equal runs have different ones. */
  readonly hashes: readonly string[]
}

// Members that are not named are let through: they are not imported.
const runs = z
  .array(
    z.object({
      task_id: z.union([z.string().min(1).max(200), z.int()]),
      trial: z.int().min(0),
      reward: z.number().min(-1e100).max(1e100),
      traj: z
        .array(
          z.object({
            role: z.string().min(1).max(50),
            content: z.string().max(200_000).nullish(),
            name: z.string().max(200).optional(),
            tool_call_id: z.string().max(200).optional(),
            tool_calls: z
              .array(
                z.object({
                  id: z.string().max(200).optional(),
                  function: z.object({ name: z.string().min(1).max(200), arguments: z.string().max(200_000) }),
                }),
              )
              .max(100)
              .nullish(),
          }),
        )
        .max(2000),
    }),
  )
  .min(1)
  .max(1_000_000)

/** Reads runs from a JSON file in the form of tau-bench: an array of {task_id, trial, reward, traj}. Errors: INPUT_INVALID. */
export async function readRuns(path: string): Promise<RunFile> {
  let parsed: unknown
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new FleetError('INPUT_INVALID', {
      message: `${path} cannot be read as JSON: ${String(cause)}`,
      field: 'path',
      cause,
    })
  }
  const found = check('runs', runs, parsed)
  const seen = new Map<string, number>()
  const hashes = found.map((run) => {
    const json = JSON.stringify(run)
    const before = seen.get(json) ?? 0
    seen.set(json, before + 1)
    return createHash('sha256').update(`${before}\n${json}`).digest('hex').slice(0, 32)
  })
  return { runs: found, hashes }
}
