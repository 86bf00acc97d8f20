import type { SettingsRule } from '../../rule.js'
import { truth } from '../../settings/known-setting.js'

export const asynchronousCommit: SettingsRule = {
  on: 'postgresql.conf',
  id: 'asynchronous-commit',
  level: 'error',
  summary: 'synchronous_commit off for the whole server.',
  why: 'Every transaction may be lost after its commit was confirmed, those that move money too. A commit_delay beside it does nothing: it delays a flush that nobody waits for.',
  remedy: '`set local synchronous_commit = off` in the transactions that may be lost.',
  *check(file) {
    const commit = file.get('synchronous_commit')
    if (commit === undefined || truth(commit.value) !== false) return
    yield { at: commit.at, message: 'a crash loses transactions that were confirmed, whichever they are' }
    const delay = file.get('commit_delay')
    if (delay !== undefined && Number(delay.value) > 0) {
      yield {
        at: delay.at,
        level: 'warning',
        message: 'commit_delay does nothing: an asynchronous commit does not wait for the flush',
      }
    }
  },
}
