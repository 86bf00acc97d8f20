import { defineQuestion } from '../../question.js'

/** Logins are to be hard to take over. */
export const passwords = defineQuestion({
  id: 'passwords',
  concern: 'isolation',
  question: 'Are logins held to SCRAM, and to addresses that need them?',
  why: 'MD5 hashes of passwords are as good as the passwords to whoever reads them, and a rule that trusts everybody needs none.',
  mend: 'pgfleet doctor --check host-authentication md5-password password-encryption',
  checks: ['host-authentication', 'md5-password', 'password-encryption'],
})
