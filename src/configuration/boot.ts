import { FleetError } from '../errors.js'
import { isSameValue, refusalOf } from './acceptance.js'
import { type Advice, type AdvisedLine, adviseConfiguration, type RejectedLine, type SettingFacts } from './advice.js'
import { assignment } from './configuration-text.js'
import type { Machine } from './machine.js'
import type { ScratchCluster } from './scratch-cluster.js'
import { factsOf, readServerSettings, type ServerSetting } from './server-settings.js'

/** A line that a smaller machine cannot be started with. */
export interface UnbootedLine {
  readonly name: string
  readonly value: string
  /** How it was looked at instead. */
  readonly reason: string
}

/** A configuration with which a server has started. */
export interface Booted {
  readonly advice: Advice
  /** Of the build that was started, like `17.6`. */
  readonly version: string
  readonly unbooted: readonly UnbootedLine[]
  /** What the scratch cluster says of all settings, as started. */
  readonly settings: ReadonlyMap<string, ServerSetting>
}

/** What a server is started with when the described machine is larger than this one. */
const SMALL_BUFFERS = '128MB'
/** Share of this machine's memory that shared_buffers may take here. */
const BUFFERS_SHARE = 0.5
/** Refusals after which something else must be wrong. */
const TRIES_MAX = 30

/**
 * Starts a scratch cluster with the advice. A line that the server refuses is taken out, its next value is tried where there is
 * one, and the server's words are kept. Without `facts` the scratch cluster itself is asked first. The cluster runs with the
 * configuration in the end. Errors: SCRATCH_CLUSTER_FAILED when no line explains why it does not start, ABORTED.
 * @param memoryHere of this machine, in bytes
 */
export async function bootConfiguration(
  cluster: ScratchCluster,
  machine: Machine,
  { facts, memoryHere }: { readonly facts?: SettingFacts | undefined; readonly memoryHere: number | undefined },
): Promise<Booted> {
  const first = await cluster.start('')
  if (!first.started) throw notStarted(first.said)
  const build = factsOf(await cluster.withConnection(readServerSettings))
  const known = facts ?? build
  const refused: RejectedLine[] = []
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const advice = adviseConfiguration(machine, known, refused)
    const { lines, unbooted } = await bootable(cluster, advice.lines, memoryHere)
    const start = await cluster.start(lines.map(assignment).join('\n'))
    if (!start.started) {
      refused.push(culpritOf(start.said, lines, build) ?? (await culpritByTrial(cluster, lines)))
      continue
    }
    const settings = await cluster.withConnection(readServerSettings)
    const ignored = lines.find((line) => {
      const setting = settings.get(line.name)
      return setting === undefined || !isSameValue(setting, setting.value, line.value)
    })
    if (ignored === undefined) return { advice, version: cluster.programs.version, unbooted, settings }
    refused.push({
      ...namesOf(ignored),
      by: 'boot',
      reason: `the server started, and runs with ${settings.get(ignored.name)?.value}`,
    })
  }
  throw notStarted(`${TRIES_MAX} lines were refused`)
}

/** The lines as this machine can start them: what is too large is checked by `postgres -C`, and replaced. */
async function bootable(cluster: ScratchCluster, lines: readonly AdvisedLine[], memoryHere: number | undefined) {
  const unbooted: UnbootedLine[] = []
  const found: AdvisedLine[] = []
  for (const line of lines) {
    if (
      line.name !== 'shared_buffers' ||
      memoryHere === undefined ||
      bytesOf(line.value) <= BUFFERS_SHARE * memoryHere
    ) {
      found.push(line)
      continue
    }
    const words = await cluster.refusal(line.name, line.value)
    const reason =
      words ?? `larger than half of this machine’s memory; postgres -C takes it, and ${SMALL_BUFFERS} was started`
    unbooted.push({ ...namesOf(line), reason })
    found.push({ ...line, value: SMALL_BUFFERS })
  }
  return { lines: found, unbooted }
}

/** The line that the server's words are about; undefined when they name none. */
function culpritOf(said: string, lines: readonly AdvisedLine[], build: SettingFacts): RejectedLine | undefined {
  const named = lines.find(({ name }) => said.includes(`"${name}"`))
  const found =
    named ??
    (/io_uring/.test(said) ? lines.find(({ name }) => name === 'io_method') : undefined) ??
    (/could not access file|could not load library/.test(said)
      ? lines.find(({ name }) => name === 'shared_preload_libraries')
      : undefined) ??
    (/shared memory/.test(said) ? lines.find(({ name }) => name === 'shared_buffers') : undefined) ??
    lines.find(({ name, value }) => refusalOf(name, value, build(name)) !== undefined)
  return found === undefined ? undefined : { ...namesOf(found), by: 'boot', reason: said }
}

/** Leaves out one line after the other until it starts. */
async function culpritByTrial(cluster: ScratchCluster, lines: readonly AdvisedLine[]): Promise<RejectedLine> {
  let said = ''
  for (const line of lines.filter(({ restart }) => restart)) {
    const start = await cluster.start(
      lines
        .filter((each) => each !== line)
        .map(assignment)
        .join('\n'),
    )
    if (start.started) return { ...namesOf(line), by: 'boot', reason: `the server starts without it only: ${said}` }
    said = start.said
  }
  throw notStarted(said)
}

const namesOf = ({ name, value }: AdvisedLine) => ({ name, value })

function bytesOf(size: string): number {
  const [, amount, unit] = /^(\d+)(kB|MB|GB)$/.exec(size) ?? []
  return Number(amount) * ({ kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit ?? ''] ?? 1)
}

const notStarted = (said: string) =>
  new FleetError('SCRATCH_CLUSTER_FAILED', { message: `the scratch cluster does not start: ${said}` })
