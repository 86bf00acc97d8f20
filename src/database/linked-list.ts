/**
 * A member between its neighbours, at first linked to itself alone; the head of a list is one without a value. Of a class: literals that
 * live for a call's time are soon made among what is old, and there keep what they hold from the collector's quick rounds.
 */
class Link<T> {
  value: T | undefined
  previous: Link<T> = this
  next: Link<T> = this

  constructor(value: T | undefined) {
    this.value = value
  }
}

/**
 * Members that come and go with the calls, in the order in which they came. Of a Set or a Map to which each call adds and from
 * which it takes away, every former table points to the next: one that has grown old keeps all that came after it from the
 * garbage collector's quick rounds, and what calls hold with it. Of a list that is linked nothing is left behind.
 */
export class LinkedList<T> {
  readonly #head = new Link<T>(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a member at the end; the returned function takes it out, and tells whether it was still there. */
  add(value: T): () => boolean {
    const head = this.#head
    const link = new Link<T>(value)
    link.previous = head.previous
    link.next = head
    head.previous.next = link
    head.previous = link
    this.#size++
    return () => this.#remove(link)
  }

  #remove(link: Link<T>): boolean {
    if (link.next === link) return false
    link.previous.next = link.next
    link.next.previous = link.previous
    // Out of it, it is between nobody.
    link.previous = link
    link.next = link
    link.value = undefined
    this.#size--
    return true
  }

  clear(): void {
    while (this.#head.next !== this.#head) this.#remove(this.#head.next)
  }

  /** In order, those that are there when it begins. */
  [Symbol.iterator](): IterableIterator<T> {
    const values: T[] = []
    for (let link = this.#head.next; link !== this.#head; link = link.next) values.push(link.value as T)
    return values[Symbol.iterator]()
  }
}
