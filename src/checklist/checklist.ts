import { sqlstateOf } from '../database/failure.js'
import type { Answer, Asked, Concern, Question, Verdict } from './question.js'
import { together, verdictOfChecks } from './verdict.js'

/** A line of the checklist, answered. */
export interface Line {
  readonly id: string
  readonly concern: Concern
  readonly question: string
  readonly answer: Answer
  readonly evidence: readonly string[]
  /** The command that mends it; null where nothing is to be mended. */
  readonly mend: string | null
}

/** The rights that a login lacks, and what a database without the schema lacks: neither can be looked at. */
const UNSEEN: ReadonlySet<string | undefined> = new Set(['42501', '42P01', '3F000', '57014'])

/** Answers the questions, one after the other. Those of `without` are told as not applicable. Errors: those of the connection. */
export async function answerChecklist(
  questions: readonly Question[],
  asked: Asked,
  without: ReadonlySet<string> = new Set(),
): Promise<Line[]> {
  const lines: Line[] = []
  for (const question of questions) {
    const verdict: Verdict = without.has(question.id)
      ? { answer: 'not applicable', evidence: ['left out by --without'] }
      : await answer(question, asked)
    const isOpen = verdict.answer === 'no' || verdict.answer === 'cannot tell'
    lines.push({
      id: question.id,
      concern: question.concern,
      question: question.question,
      answer: verdict.answer,
      evidence: verdict.evidence,
      mend: isOpen ? (verdict.mend ?? question.mend) : null,
    })
  }
  return lines
}

async function answer(question: Question, asked: Asked): Promise<Verdict> {
  const own = await question.ask?.(asked).catch((error: unknown): Verdict => {
    if (!UNSEEN.has(sqlstateOf(error))) throw error
    return { answer: 'cannot tell', evidence: [(error as Error).message] }
  })
  if (question.checks === undefined) return own ?? { answer: 'cannot tell', evidence: ['nobody was asked'] }
  if (own?.answer === 'no' || own?.answer === 'not applicable') return own
  const checked = verdictOfChecks(question, asked)
  return own === undefined ? checked : together(own, checked)
}
