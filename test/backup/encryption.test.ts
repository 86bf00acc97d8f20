import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decryptFile, encryptFile, newKey, openKey } from '../../dist/backup/encryption.js'
import { failure } from '../setup/index.js'
import { newFolder } from './support.js'

const MB = 1_048_576
const folder = await newFolder()
const keyFile = join(folder, 'key')
await writeFile(keyFile, randomBytes(32))
const key = await newKey({ file: keyFile })
let number = 0
const next = () => join(folder, `file-${number++}`)

async function roundTrip(content: Buffer): Promise<{ encrypted: string; content: Buffer }> {
  const [plain, encrypted, back] = [next(), next(), next()]
  await writeFile(plain, content)
  const written = await encryptFile(key, 'a.dat', plain, encrypted)
  expect(written.bytes).toBe((await readFile(encrypted)).length)
  await decryptFile(key, 'a.dat', encrypted, back)
  return { encrypted, content: await readFile(back) }
}

describe('an encrypted file', () => {
  test.each([0, 1, MB - 1, MB, MB + 1, 3 * MB])('of %i bytes comes back as it was', async (bytes) => {
    const content = randomBytes(bytes)
    expect((await roundTrip(content)).content.equals(content)).toBe(true)
  })

  test('is refused when any byte of it differs, when it is cut off, and when its chunks change places', async () => {
    const { encrypted } = await roundTrip(randomBytes(2 * MB + 100))
    const good = await readFile(encrypted)
    const refused = async (content: Buffer, path = 'a.dat') => {
      const file = next()
      await writeFile(file, content)
      await failure(decryptFile(key, path, file, next()), 'BACKUP_CORRUPT')
    }
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bad = Buffer.from(good)
        bad[at] = (bad[at] as number) ^ change
        await refused(bad)
      }),
      { numRuns: 20 },
    )
    const head = 24
    const chunk = MB + 16
    for (const length of [0, 10, head, head + chunk, head + 2 * chunk, good.length - 1]) {
      await refused(good.subarray(0, length))
    }
    const [first, second, rest] = [
      good.subarray(head, head + chunk),
      good.subarray(head + chunk, head + 2 * chunk),
      good.subarray(head + 2 * chunk),
    ]
    await refused(Buffer.concat([good.subarray(0, head), second, first, rest]))
    await refused(Buffer.concat([good, good.subarray(head)]))
    // Nor can one file of a backup stand in for another.
    await refused(good, 'b.dat')
  })
})

describe('a key', () => {
  test('is known by its check, and another is refused', async () => {
    await openKey({ file: keyFile }, key.encryption)
    const other = next()
    await writeFile(other, randomBytes(32))
    await failure(openKey({ file: other }, key.encryption), 'BACKUP_KEY_INVALID')
  })

  test('of a passphrase is another for each backup, and opens both', async () => {
    process.env.TEST_BACKUP_PASSPHRASE = 'correct horse battery staple'
    const source = { variable: 'TEST_BACKUP_PASSPHRASE' }
    const [one, two] = [await newKey(source), await newKey(source)]
    expect(one.seal('x')).not.toBe(two.seal('x'))
    expect((await openKey(source, one.encryption)).seal('x')).toBe(one.seal('x'))
    process.env.TEST_BACKUP_PASSPHRASE = 'incorrect horse battery'
    await failure(openKey(source, one.encryption), 'BACKUP_KEY_INVALID')
  })

  test('that is too short, or not there, is refused', async () => {
    const short = next()
    await writeFile(short, randomBytes(31))
    await failure(newKey({ file: short }), 'BACKUP_KEY_INVALID')
    await failure(newKey({ file: next() }), 'BACKUP_KEY_INVALID')
    process.env.TEST_BACKUP_SHORT = 'elevenchars'
    await failure(newKey({ variable: 'TEST_BACKUP_SHORT' }), 'BACKUP_KEY_INVALID')
    await failure(newKey({ variable: 'TEST_BACKUP_UNSET' }), 'BACKUP_KEY_INVALID')
  })
})
