import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** Rounds of PBKDF2: PostgreSQL's own scram_iterations. */
const ITERATIONS = 4096

/**
 * The verifier of a password as PostgreSQL keeps it (RFC 5803, SCRAM-SHA-256): `alter role … password` takes it in place of
 * the password, which then stands in no statement and no log.
 * @param password of letters, digits and signs of ASCII, which SASLprep leaves as they are
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest()
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${keyOf('Server Key').toString('base64')}`
}
