import type { AgentProgress, LearningProgress } from '../demo/index.js'
import { count, decimal, percent, seconds } from './figures.js'
import type { Terminal } from './terminal.js'

/** The agents while they learn. */
export interface DemoScreen {
  update(progress: LearningProgress): void
  /** Draws the last state, and leaves it standing. */
  end(): void
}

/** Least time between two drawings on a terminal, and between two lines elsewhere, in milliseconds. */
const DRAW_MS = 200
const LINE_MS = 5_000

/** A table that is redrawn where someone looks and it fits, else a line every five seconds. */
export function createDemoScreen(terminal: Terminal): DemoScreen {
  let latest: LearningProgress | undefined
  // The first line comes after a while, the first drawing at once.
  let drawn = terminal.live ? 0 : performance.now()
  let lines = 0
  const draw = (progress: LearningProgress) => {
    const text = screenOf(terminal, progress)
    const { rows = 24, columns = 80 } = process.stderr
    const fits = text.length < rows && text.every((line) => plain(line).length <= columns)
    const shown = fits ? text : text.slice(0, 1)
    // Back to the first line, then each line over the old one; what is left of it is cleared.
    const back = lines === 0 ? '' : `\u001b[${lines}A`
    process.stderr.write(`${back}${shown.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`)
    lines = shown.length
  }
  return {
    update(progress) {
      latest = progress
      const now = performance.now()
      if (now - drawn < (terminal.live ? DRAW_MS : LINE_MS)) return
      drawn = now
      if (terminal.live) draw(progress)
      else terminal.note(plain(headOf(terminal, progress)))
    },
    end() {
      if (latest === undefined) return
      if (terminal.live) draw(latest)
      else terminal.note(plain(headOf(terminal, latest)))
      latest = undefined
    },
  }
}

function screenOf(terminal: Terminal, progress: LearningProgress): string[] {
  const { bold, dim } = terminal.colors
  const head = `${'agent'.padEnd(25)}${'episodes'.padStart(9)}${'reward lately'.padStart(14)}  ${' '.repeat(10)}${'epsilon'.padStart(8)}${'Q-values'.padStart(9)}`
  return [headOf(terminal, progress), bold(head), ...progress.agents.map((agent) => rowOf(agent, dim))]
}

function headOf({ colors }: Terminal, { share, seconds: elapsed, updates, agents }: LearningProgress): string {
  const rate = updates / Math.max(elapsed, 0.001)
  return `${colors.bold(`${agents.length} agents learn`)}  ${percent(share)}, ${seconds(elapsed)}, ${count(updates)} updates, ${count(rate)} a second`
}

function rowOf(agent: AgentProgress, dim: (text: string) => string): string {
  const { agentType, episodes, recentReward, epsilon, qValues } = agent
  const reward = decimal(recentReward).padStart(14)
  return `${agentType.padEnd(25)}${count(episodes).padStart(9)}${reward}  ${dim(bar(recentReward))}${decimal(epsilon).padStart(8)}${count(qValues).padStart(9)}`
}

/** Ten cells from 0 to the best that can be reached, about 7. */
function bar(reward: number | null): string {
  const cells = Math.max(0, Math.min(10, Math.round(((reward ?? 0) / 7) * 10)))
  return `${'█'.repeat(cells)}${'░'.repeat(10 - cells)}`
}

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that begins a colour
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '')
}
