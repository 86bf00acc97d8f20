/** A wait that can be ended early; an end that comes before the wait ends the next one. */
export class Pause {
  #end: (() => void) | undefined
  #isEnded = false

  /** Waits so many milliseconds, or until `end`; true when it was ended. */
  async begin(milliseconds: number): Promise<boolean> {
    if (!this.#isEnded) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds)
        this.#end = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const isEnded = this.#isEnded
    this.#isEnded = false
    this.#end = undefined
    return isEnded
  }

  end(): void {
    this.#isEnded = true
    this.#end?.()
  }
}
