import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Fingerprint } from '#kernel'
import { migrate } from '../../packages/operations/migrate.ts'
import { revertMigration } from '../../packages/operations/migrate-back.ts'
import type { MigrationRecord } from '../../packages/operations/migrate-record.ts'
import { isLong } from '../long.ts'
import { migration, openWorkshop, order } from '../migrators/workshop.ts'
import type { Workshop } from '../migrators/workshop.ts'

const kills = isLong ? 20 : 8
const seed = 20261121
const program = join(import.meta.dirname, 'migrate-run.ts')

const numbers = (count: number) =>
  `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) select i, 'row ' || i from n`
/** Work that takes a while and leaves little: about 0.1 s, so that kills fall into it. */
const slowly = (table: string) =>
  `create table ${table} (i integer); insert into ${table} ${numbers(250_000).replace(/select i, .*$/, 'select count(*) from n')};`
const files = {
  '001_rename.sql': migration(
    'alter table orders rename column item to product;',
    'alter table orders rename column product to item;',
  ),
  '002_big.sql': migration(slowly('big'), 'drop table big;'),
  '003_more.sql': migration(slowly('more'), 'drop table more;'),
}

/** Mulberry32: the same kills for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

async function openShop(): Promise<Workshop> {
  const shop = await openWorkshop()
  shop.sql(
    `pragma journal_mode = wal; create table orders (id integer primary key, item text); insert into orders ${numbers(500)}`,
  )
  await shop.write(files)
  return shop
}

interface Run {
  readonly killed: boolean
  /** From the line `begin`. */
  readonly tookMs: number
  /** From the line that matched. */
  readonly afterMs: number
}

/** Starts a run and kills node alone (a tool it started lives on), so long after it has printed a line that matches. */
function runAndKill(words: readonly string[], at: RegExp, afterMs: number): Promise<Run> {
  let began = 0
  let matched = 0
  let timer: NodeJS.Timeout | undefined
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.on('data', (chunk: Buffer) => {
    if (began === 0) began = performance.now()
    if (matched > 0 || !at.test(chunk.toString())) return
    matched = performance.now()
    timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  return new Promise((resolve) => {
    child.on('exit', (_code, signal) => {
      clearTimeout(timer)
      child.stdout.destroy()
      resolve({ killed: signal === 'SIGKILL', tookMs: performance.now() - began, afterMs: performance.now() - matched })
    })
  })
}

/** Command lines of processes that work in this folder. */
function strays(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(folder))
}

/** What a migration that nobody kills leaves, and how long it takes: the shorter of two runs. */
async function undisturbed(): Promise<{ wanted: Fingerprint | null; tookMs: number; applyMs: number }> {
  const times: number[] = []
  let wanted: Fingerprint | null = null
  let applyMs = Infinity
  for (let round = 0; round < 2; round++) {
    const shop = await openShop()
    const run = await runAndKill([shop.url, shop.migrations], /^rehearsal/m, 60_000)
    times.push(run.tookMs)
    applyMs = Math.min(applyMs, run.afterMs)
    wanted = await shop.ports.database.fingerprint()
    await shop.remove()
  }
  return { wanted, tookMs: Math.min(...times), applyMs }
}

describe('killed at any moment, the next run finishes', () => {
  test(`${kills} kills of a migration, seed ${seed}`, async () => {
    const random = randomFrom(seed)
    const { wanted, tookMs, applyMs } = await undisturbed()
    const seen = { killed: 0, resumed: 0, anew: 0, alreadyDone: 0, orphans: 0 }
    for (let round = 0; seen.killed < kills && round < 3 * kills; round++) {
      const shop = await openShop()
      const before = await shop.ports.database.fingerprint()
      const { killed } = await (round % 2 === 0
        ? runAndKill([shop.url, shop.migrations], /^begin/, tookMs * random())
        : runAndKill([shop.url, shop.migrations], /^rehearsal/m, applyMs * random()))
      if (killed) seen.killed++
      if (strays(shop.migrations).length > 0 || strays(shop.folder).length > 0) seen.orphans++

      const { record, failure } = await migrate(order({ lockMs: 20_000 }), shop.ports)

      expect(failure).toBeNull()
      expect(await shop.ports.database.fingerprint()).toEqual(wanted)
      expect(
        (await shop.ports.migrator.status({ url: shop.url, scratch: shop.folder, guard: (command) => command }))
          .applied,
      ).toEqual(['001', '002', '003'])
      expect(shop.rows('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
      expect(strays(shop.folder)).toEqual([])
      expect(readdirSync(`${shop.file}.switchyard/scratch`)).toEqual([])
      expect(readdirSync(`${shop.file}.switchyard/backups`).filter((name) => !name.endsWith('.sqlite'))).toEqual([])
      // A run that was killed after it had written its record leaves nothing to finish.
      if (record.outcome === 'nothing') seen.alreadyDone++
      else {
        expect(record).toMatchObject({
          outcome: 'applied',
          applied: ['001', '002', '003'],
          class: 'contract',
          undo: 'revert',
        })
        if (record.resumed) seen.resumed++
        else seen.anew++
        if (round % 4 === 0) {
          await revertMigration(record, { owner: 'rollback', lockMs: 20_000 }, shop.ports)
          expect(await shop.ports.database.fingerprint()).toEqual(before)
        }
      }
      await shop.remove()
    }
    process.stderr.write(`kills of a migration: ${JSON.stringify(seen)}\n`)
    expect(seen.killed).toBe(kills)
  }, 240_000)

  test.each([
    ['between backup and rehearsal', /^backup/m, 0],
    ['between rehearsal and apply', /^rehearsal/m, 0],
    ['while the tool applies', /^rehearsal/m, 25],
  ])('killed %s', async (_when, at, afterMs) => {
    const shop = await openShop()
    const { killed } = await runAndKill([shop.url, shop.migrations], at, afterMs)
    expect(killed).toBe(true)

    const { record } = await migrate(order({ lockMs: 20_000 }), shop.ports)

    expect(record).toMatchObject({ outcome: 'applied', applied: ['001', '002', '003'], undo: 'revert' })
    expect(shop.rows('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
    expect(strays(shop.folder)).toEqual([])
    await shop.remove()
  })

  test('kills of a revert', async () => {
    const random = randomFrom(seed + 1)
    const { tookMs } = await undisturbed()
    for (let round = 0; round < (isLong ? 5 : 2); round++) {
      const shop = await openShop()
      const before = await shop.ports.database.fingerprint()
      const { record } = await migrate(order(), shop.ports)
      await runAndKill([shop.url, shop.migrations, JSON.stringify(record)], /^begin/, tookMs * random())

      const done = await revertMigration(record as MigrationRecord, { owner: 'rollback', lockMs: 20_000 }, shop.ports)

      expect(done.action).toBe('reverted')
      expect(await shop.ports.database.fingerprint()).toEqual(before)
      expect(strays(shop.folder)).toEqual([])
      await shop.remove()
    }
  }, 120_000)
})
