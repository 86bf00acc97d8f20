type Work = () => Promise<unknown>

const works: Work[] = []

/** Does something after the last test of the file; the last registered first. Unlike `afterAll`, from anywhere. */
export function afterFile(work: Work): void {
  works.push(work)
}

/** Does everything that was registered; fails with the first error, after having tried all. */
export async function cleanUp(): Promise<void> {
  const errors: unknown[] = []
  for (let work = works.pop(); work !== undefined; work = works.pop()) {
    await work().catch((error: unknown) => errors.push(error))
  }
  if (errors.length > 0) throw errors[0]
}
