import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const shop = join(import.meta.dirname, '..', 'apps', 'shop')

/** One release of the shop: its version, and how it is broken. */
export interface ShopRelease {
  readonly version: string
  readonly fault?: Readonly<Record<string, unknown>>
}

/** Writes the sources of a release, as a checkout of that commit would hold them. @returns the folder */
export async function writeRelease(parent: string, { version, fault }: ShopRelease): Promise<string> {
  const folder = join(parent, version)
  await mkdir(parent, { recursive: true })
  await cp(shop, folder, { recursive: true })
  await writeFile(join(folder, 'version.json'), JSON.stringify({ version }))
  if (fault) await writeFile(join(folder, 'fault.json'), JSON.stringify(fault))
  return folder
}

/** Writes the migrations that are there at a time: the first, or the first and the expand migration of v2. */
export async function writeMigrations(folder: string, count: 1 | 2): Promise<void> {
  await mkdir(folder, { recursive: true })
  const names = ['20260101000001_create_orders.sql', '20260201000001_add_order_note.sql']
  for (const name of names.slice(0, count)) await cp(join(shop, 'migrations', name), join(folder, name))
}
