import type { Plan } from './plan.js'
import { noPlan, readJson } from './readers/json.js'
import { readText } from './readers/text.js'

/** Larger texts are no plans. */
const CHARACTERS_MAX = 50_000_000

/** Reads what EXPLAIN printed, JSON or text. Errors: INPUT_INVALID for what is no plan, is cut off, or in another format. */
export function readPlan(input: string): Plan {
  if (input.length > CHARACTERS_MAX) throw noPlan('the text is larger than 50 MB')
  if (input.includes('\0')) throw noPlan('the text holds NUL characters; it looks like a binary file')
  if (input.trim() === '') throw noPlan('the text is empty')
  const json = jsonIn(input)
  if (json !== undefined) {
    let value: unknown
    try {
      value = JSON.parse(json)
    } catch (cause) {
      throw noPlan(`the JSON is cut off or damaged: ${(cause as Error).message}`)
    }
    return readJson(value)
  }
  if (/^\s*<explain|^\s*- Plan:/.test(input)) throw noPlan('the plan is XML or YAML, which is not read')
  return readText(input)
}

/** The JSON of the text, out of psql's frame where there is one. */
function jsonIn(input: string): string | undefined {
  const framed = /^\s*QUERY PLAN\s*\n\s*-+\s*\n([\s\S]*)$/.exec(input.replaceAll('\r', ''))?.[1]
  const text = (framed ?? input).replace(/\n\s*\(\d+ rows?\)\s*$/, '').trim()
  if (!/^[[{]/.test(text)) return undefined
  return framed === undefined ? text : text.replaceAll(/\s*\+$/gm, '')
}
