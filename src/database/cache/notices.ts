/** What a cache is told of. */
export interface NoticesListener {
  /** What bears the name has changed, as another process told. */
  changed(name: string): void
  /** Notices may have been missed: nothing that is kept may be relied upon. */
  lost(): void
}

/** Carries word of writes between processes. */
export interface Notices {
  /** False while notices may be missed. */
  readonly isReady: boolean
  /** Why it was last not ready. */
  readonly lastError: string | null
  open(): Promise<void>
  /** How a name is written here: the same in all processes. */
  nameOf(text: string): string
  /** True once every change of what bears the names, told after this call, will be heard; false when that is not sure. */
  watch(names: readonly string[]): Promise<boolean> | boolean
  /** Tells other processes that what bears the names has changed; not waited for, and may be lost. */
  tell(names: readonly string[]): void
  close(): Promise<void>
}

/** Makes the notices of a cache. */
export type NoticesLink = (listener: NoticesListener) => Notices

/** Of a process that hears of no other. */
export const plainNotices: Notices = {
  isReady: true,
  lastError: null,
  open: async () => {},
  nameOf: (text) => text,
  watch: () => true,
  tell: () => {},
  close: async () => {},
}
