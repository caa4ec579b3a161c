import type { Session } from './connect.ts'

export async function roleExists(session: Session, role: string): Promise<boolean> {
  return (await session.query('SELECT FROM pg_roles WHERE rolname = $1', [role])).length > 0
}

export async function databaseExists(session: Session, database: string): Promise<boolean> {
  return (await session.query('SELECT FROM pg_database WHERE datname = $1', [database])).length > 0
}
