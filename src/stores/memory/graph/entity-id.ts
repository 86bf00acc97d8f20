import { z } from 'zod'

/** Any UUID, also those that other systems made by no RFC; in lower case, as it comes back. */
export const entityId = z.guid().toLowerCase()
