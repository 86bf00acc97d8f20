import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The most memory that linting took, in MB: the program tells when it ends. */
async function peakOf(paths: readonly string[]): Promise<number> {
  const tell =
    'data:text/javascript,process.on("exit", () => process.stderr.write(`peak ${process.resourceUsage().maxRSS} kB`))'
  const child = spawn(process.execPath, ['--import', tell, 'dist/cli/main.js', 'lint', ...paths], { cwd: ROOT })
  let said = ''
  child.stdout.resume()
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString()
  })
  await new Promise((resolve) => child.on('close', resolve))
  return Number(/peak (\d+) kB/.exec(said)?.[1]) / 1024
}

test('a file of a megabyte is linted in less than 200 MB', async () => {
  expect(await peakOf(['sql/schema.sql'])).toBeLessThan(200)
})

test('a tree of hundreds of files too', async () => {
  expect(await peakOf(['sql', 'src', 'scripts/services'])).toBeLessThan(200)
})
