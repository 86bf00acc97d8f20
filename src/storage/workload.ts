import { z } from 'zod'
import { check } from '../input.js'
import { DIMENSIONS_MAX } from '../stores/memory/vectors/embedding.js'

const amount = (fallback: number, max = 1e12) => z.number().min(0).max(max).default(fallback)
const share = (fallback: number) => z.number().min(0).max(1).default(fallback)

const workloadSchema = z.strictObject({
  /** After how many days the database is looked at. */
  horizonDays: amount(365, 36_500),
  agents: amount(18, 1e7),
  /** Pairs of a state and an action that an agent comes to know. */
  valuesPerAgent: amount(8000),
  /** Experiences a day, of all agents. */
  experiences: amount(259_200),
  /** The part of them that has an id, so that a repeat is recognised. */
  experienceIdShare: share(1),
  /** Trajectories a day. */
  trajectories: amount(25_920),
  stepsPerTrajectory: amount(10, 10_000),
  /** Events a day. */
  events: amount(500_000),
  /** Points of metrics a day. */
  metrics: amount(1_000_000),
  /** Different names and dimensions of metrics. */
  series: amount(500),
  /** Entries of the audit log a day. */
  auditEntries: amount(50_000),
  /** Vectors that are kept, by their dimensions. */
  vectors: z
    .record(z.string(), z.number().min(0).max(1e12))
    .refine(
      (vectors) => Object.keys(vectors).every((key) => /^[1-9]\d{0,3}$/.test(key) && Number(key) <= DIMENSIONS_MAX),
      `vectors have 1 to ${DIMENSIONS_MAX} dimensions`,
    )
    .default({
      768: 100_000,
    }),
  /** Artifacts a day; kept unless deleted. */
  artifacts: amount(1000),
  /** Bytes of an artifact as it is put. */
  artifactBytes: amount(65_536),
  /** The part of an artifact's bytes that compression leaves: a third of text, all of a picture. */
  artifactStoredShare: share(0.4),
  /** Entities of the metadata store. */
  entities: amount(10_000),
  keysPerEntity: amount(20),
  /** Values of the metadata store that are written anew a day. */
  metadataWrites: amount(1_000_000),
  /** Rows that leave in one statement, of those written a lot. */
  batch: z.number().min(1).max(10_000).default(10),
  /** Bytes of typical values, as the database stores them; JSON of short members takes half as much again as its text. */
  bytes: z
    .strictObject({
      tenant: amount(8, 63),
      agentType: amount(16, 100),
      state: amount(80, 65_536),
      action: amount(24, 65_536),
      event: amount(200, 262_144),
      dimensions: amount(60, 8192),
      changes: amount(120, 65_536),
      vectorMetadata: amount(80, 65_536),
      name: amount(20, 200),
      key: amount(16, 200),
      value: amount(24, 65_536),
    })
    .prefault({}),
  /** Days that rows of a table are kept, by its name with its schema; others as the installation keeps them. */
  retentionDays: z.record(z.string(), z.number().min(1).max(36_500)).default({}),
  /** Seconds from one checkpoint to the next. */
  checkpointS: z.number().min(30).max(86_400).default(300),
})

/** What a fleet does and keeps: rates a day, counts, and sizes of typical values. */
export type Workload = z.output<typeof workloadSchema>
/** A workload of which only some is known. */
export type WorkloadInput = z.input<typeof workloadSchema>

/** The whole workload: what is not given has its default. Errors: INPUT_INVALID, with the field as a path. */
export function resolveWorkload(input: WorkloadInput = {}): Workload {
  return check('workload', workloadSchema, input)
}
