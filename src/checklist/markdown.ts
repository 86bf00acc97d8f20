import type { Line } from './checklist.js'
import { CONCERNS } from './question.js'

/** Names of tables may hold what Markdown would take for markup. */
const plain = (text: string) => text.replaceAll(/[\\`*_<>[\]|]/g, '\\$&')

/** The checklist as Markdown, for a ticket or a merge request: a list of tasks by concern, those with a yes ticked. */
export function formatMarkdown(database: string, lines: readonly Line[]): string {
  const sections = CONCERNS.flatMap((concern) => {
    const here = lines.filter((line) => line.concern === concern)
    if (here.length === 0) return []
    const tasks = here.flatMap(({ id, question, answer, evidence, mend }) => [
      `- [${answer === 'yes' ? 'x' : ' '}] **${answer}**: ${plain(question)} (\`${id}\`)`,
      ...evidence.map((line) => `  - ${plain(line)}`),
      ...(mend === null ? [] : [`  - To mend it: ${plain(mend)}`]),
    ])
    return ['', `## ${concern.charAt(0).toUpperCase()}${concern.slice(1)}`, '', ...tasks]
  })
  return [`# Checklist of ${plain(database)}`, ...sections].join('\n')
}
