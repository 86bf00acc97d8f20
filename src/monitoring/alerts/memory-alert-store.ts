import type { AlertStore, OpenAlert } from './open-alert.js'

/** Keeps alerts as long as the process lives. */
export function createMemoryAlertStore(): AlertStore {
  let kept: readonly OpenAlert[] = []
  return {
    load: async () => kept,
    save: async (alerts) => {
      kept = alerts
    },
  }
}
