import type { Reader } from './reader.js'
import { MARK } from './reader.js'

/** What is done to a session: its statement is cancelled, or it is ended. */
export type Ending = 'cancel' | 'terminate'

/** Its statements: of the very session that was looked at, never of another that has its pid now. */
export const ENDINGS: Readonly<Record<Ending, string>> = {
  cancel: `select ${MARK} pg_cancel_backend(a.pid) as done from pg_stat_activity a where a.pid = $1::int and a.pid <> pg_backend_pid()
    and a.backend_start is not distinct from $2::timestamptz`,
  terminate: `select ${MARK} pg_terminate_backend(a.pid) as done from pg_stat_activity a where a.pid = $1::int and a.pid <> pg_backend_pid()
    and a.backend_start is not distinct from $2::timestamptz`,
}

/** Does it; false when the session is gone. Errors: those of the server, as for a login that may not. */
export async function endSession(reader: Reader, ending: Ending, pid: number, begun: string | null): Promise<boolean> {
  const [answer] = await reader.read<{ done: boolean }>(ENDINGS[ending], [pid, begun])
  return answer?.done ?? false
}
