import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** True when the commit is at hand: not in a package, and not in a shallow clone. */
export async function hasCommit(commit: string): Promise<boolean> {
  return await run('git', ['-C', ROOT, 'cat-file', '-e', `${commit}^{commit}`]).then(
    () => true,
    () => false,
  )
}

/** Unpacks and builds a commit in a folder of its own, with the packages of this one; `remove` when done with it. */
export async function checkOut(commit: string): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'pgfleet-previous-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const archive = join(directory, 'archive.tar')
    await run('git', ['-C', ROOT, 'archive', '--output', archive, commit])
    await run('tar', ['--extract', '--file', archive, '--directory', directory])
    await rm(archive)
    await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
    const compiler = join(ROOT, 'node_modules', '.bin', 'tsc')
    await run(compiler, ['-p', 'tsconfig.build.json'], { cwd: directory })
    return { directory, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
