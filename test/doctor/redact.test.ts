import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redact } from '../../dist/doctor/redact.js'

describe('redact', () => {
  test.each([
    [`select * from t where a = 'x''y' and b = 1.5e3`, 'select * from t where a = ? and b = ?'],
    [`alter role bob password 'hunter2'`, 'alter role bob password ?'],
    [`select E'it\\'s' , U&'\\0041', b'01', $$body$$, $tag$ a $$ b $tag$, $1`, 'select ? , ?, ?, ?, ?, $1'],
    ['select "Odd ""name""", t1.c2 -- secret\nfrom x', 'select "Odd ""name""", t1.c2 from x'],
    ['select /* secret 1 */ 1', 'select ?'],
    [`insert into t values ('cut off in the middle`, 'insert into t values (?'],
    ['select $body$ cut off', 'select ?'],
    ['select -- cut', 'select'],
    ['select a$b, c from t where n between 10 and 20::int8', 'select a$b, c from t where n between ? and ?::int8'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  test('no literal comes through, wherever the text is cut', () => {
    const secret = fc.stringMatching(/^zq[a-z]{6}zq$/)
    const literal = secret.chain((word) =>
      fc
        .constantFrom(
          `'${word}'`,
          `'it''s ${word}'`,
          `E'\\'${word}'`,
          `$$${word}$$`,
          `$t$${word}$t$`,
          `N'${word}'`,
          `/* ${word} */`,
        )
        .map((text) => ({ word, text })),
    )
    fc.assert(
      fc.property(fc.array(literal, { minLength: 1, maxLength: 5 }), fc.nat(200), (parts, cut) => {
        const statement = `select "zqname", ${parts.map(({ text }) => text).join(' , ')} from t`
        const text = redact(statement.slice(0, statement.length - (cut % (statement.length - 9))))
        for (const { word } of parts) expect(text).not.toContain(word)
      }),
    )
  })
})
