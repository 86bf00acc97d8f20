/** A member between its neighbours; the head of a list is one without a value. */
interface Link<T> {
  readonly value: T | undefined
  previous: Link<T>
  next: Link<T>
}

/**
 * Members that come and go with the calls, in the order in which they came. Of a Set or a Map to which each call adds and from
 * which it takes away, every former table points to the next: one that has grown old keeps all that came after it from the
 * garbage collector's quick rounds, and what calls hold with it. Of a list that is linked nothing is left behind.
 */
export class LinkedList<T> {
  readonly #head = linked<T>(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a member at the end; the returned function takes it out, and tells whether it was still there. */
  add(value: T): () => boolean {
    const head = this.#head
    const link: Link<T> = { value, previous: head.previous, next: head }
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

/** Linked to itself alone. */
function linked<T>(value: T | undefined): Link<T> {
  const link = { value } as Link<T>
  link.previous = link
  link.next = link
  return link
}
