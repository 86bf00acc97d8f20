/** Draws of 0 to count - 1, the n-th most frequent with a chance in proportion to 1 / (n + 1): a Zipf distribution of exponent 1. */
export function zipf(count: number): () => number {
  const upTo = new Float64Array(count)
  let sum = 0
  for (let n = 0; n < count; n++) {
    sum += 1 / (n + 1)
    upTo[n] = sum
  }
  return () => {
    const wanted = Math.random() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
