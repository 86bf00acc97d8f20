import { defineQuestion } from '../../question.js'

/** Tables and functions are to be those of this package. */
export const schema = defineQuestion({
  id: 'schema',
  concern: 'upkeep',
  question: 'Is the schema complete and up to date?',
  why: 'Indexes, policies and functions come with the migrations; each belongs to a version of the package.',
  how: 'Migrations and functions of the database are compared with those of this package.',
  mend: 'pgfleet migrate',
  async ask({ schema: status }) {
    if (status === undefined) return { answer: 'cannot tell', evidence: ['the login may not see the schema platform'] }
    const { version, target, pending, changed, upToDate } = status
    if (upToDate) return { answer: 'yes', evidence: [`at migration ${version}`] }
    const evidence =
      version === 0
        ? ['the database has no schema of pgfleet']
        : [`at migration ${version} of ${target}: ${pending.length} pending, ${changed.length} functions differ`]
    return { answer: 'no', evidence }
  },
})
