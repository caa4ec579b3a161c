/** PostgreSQL refuses to run as root. When we are root, its processes get another, unprivileged user. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, readFile } from 'node:fs/promises'
import { PostgresStartError } from './errors.ts'

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** The user to run PostgreSQL as, or undefined when we may simply run it as ourselves. */
export async function serverUser(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map(parseUser)
  // initdb looks its own user up by id, so an id without a line in /etc/passwd would not do.
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((candidate) => candidate?.name === name && candidate.uid !== 0)
    if (user) return user
  }
  throw new PostgresStartError(
    'PostgreSQL never runs as root and this machine has neither a user "postgres" nor "nobody": create one of them, or start as another user than root',
  )
}

function parseUser(line: string): User | undefined {
  const [name, , uid, gid] = line.split(':')
  if (!name || !uid || !gid) return undefined
  return { name, uid: Number(uid), gid: Number(gid) }
}

/** Whether the user may enter (and read) the directory. Asked of the system itself, which knows about ACLs and mounts. */
export async function canEnter(directory: string, user: User | undefined): Promise<boolean> {
  if (!user) return true
  const { uid, gid } = user
  const child = spawn('/bin/sh', ['-c', 'cd "$1" && ls . >/dev/null', 'sh', directory], {
    uid,
    gid,
    cwd: '/',
    stdio: 'ignore',
  })
  const [code] = await once(child, 'exit')
  return code === 0
}

/**
 * A directory under a world-writable one (/var/tmp), for others to enter and for us alone to write.
 * Its name can be guessed, so one that somebody else made first is refused.
 */
export async function ownDirectory(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o755 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(directory)
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new PostgresStartError(`${directory} belongs to somebody else: remove it, then start again`)
  }
}
