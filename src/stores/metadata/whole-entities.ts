import { z } from 'zod'
import type { CallOptions } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { check } from '../../input.js'
import { type EntityListOptions, getWhole, listWhole } from './entities.js'
import type { WholeEntity } from './entity.js'
import { entityName } from './entry.js'

/** Entities together with their metadata. An agent needs the right to read in their sync groups. */
export interface WholeEntities {
  /** The entities in the order of their names, at most 1000; undefined for one that is not there. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  getEntities(names: readonly string[], options?: Pick<CallOptions, 'signal'>): Promise<(WholeEntity | undefined)[]>
  /** By name, of a group or a channel. Errors: INPUT_INVALID, SYNC_GROUP_UNKNOWN, PERMISSION_DENIED. */
  list(options: EntityListOptions): Promise<WholeEntity[]>
}

export function createWholeEntities(session: Session, agent: string | undefined): WholeEntities {
  return {
    async getEntities(input, options) {
      const names = check('names', z.array(entityName), input)
      return await getWhole(session, agent, names, true, (place) => `names[${place}]`, options)
    },
    async list(options) {
      return await listWhole(session, agent, options, true)
    },
  }
}
