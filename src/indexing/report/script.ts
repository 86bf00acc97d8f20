import type { IndexAdvice } from '../advice.js'

/** The advice as a script for psql. What creates comes first; what drops follows as comments, for somebody has to decide it. */
export function formatScript({ database, at, create, drop, invalid }: IndexAdvice): string {
  const comment = (text: string) => `-- ${text.replaceAll('\n', ' ')}`
  return [
    comment(
      `Indexes of ${database}, advised ${at.toISOString()}. Run it with psql and autocommit: nothing here works in a transaction.`,
    ),
    "set lock_timeout = '5s';",
    ...create.flatMap(({ index, why, sql }) => [
      '',
      comment(index),
      ...(why === '' ? [] : [comment(why)]),
      ...sql.map((each) => `${each};`),
    ]),
    ...invalid.flatMap(({ why, sql }) => ['', comment(why), ...sql.map((each) => `${each};`)]),
    ...drop
      .filter(({ keptBecause }) => keptBecause === null)
      .flatMap(({ index, kind, sql, undo }) => [
        '',
        comment(`${index} is ${kind}. Drop it once the above is in place; undo: ${undo};`),
        ...sql.map((each) => comment(`${each};`)),
      ]),
    '',
  ].join('\n')
}
