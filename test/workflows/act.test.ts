import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../components/require.ts'
import { CallerRepository } from './act-run.ts'
import { findInstalledTools } from './tools.ts'

const password = 'a-word-that-nobody-may-see'

const addGift = `-- migrate:up
ALTER TABLE orders ADD COLUMN gift TEXT;

-- migrate:down
ALTER TABLE orders DROP COLUMN gift;
`

findInstalledTools()

describeWith('act', "a team's repository with the two workflows of the README, run by act", () => {
  let repository: CallerRepository
  beforeAll(async () => {
    repository = await CallerRepository.make()
  })
  afterAll(async () => {
    expect(await repository.remove()).toEqual([])
  })

  test('v1 goes live, v2 goes live, and one click brings v1 back', async () => {
    await repository.commit('v1')
    const first = await repository.act('push', 'release.yml', ['--secret', `APP_SECRETS=TOKEN=${password}`])
    expect(first).toContain('Success - Main Deploy')
    expect(first).not.toContain('Main Migrate')
    expect(await repository.served()).toBe('v1')

    const { database } = repository
    const secrets = [
      ['--secret', `APP_SECRETS=TOKEN=${password}\nDATABASE=${database}`],
      ['--secret', `DATABASE_URL=sqlite:${database}`],
    ].flat()
    await repository.commit('v2', { 'migrations/20260301000001_add_gift.sql': addGift })
    const second = await repository.act('push', 'release.yml', secrets)
    expect(second).toContain('Success - Main Migrate')
    expect(columns(database)).toContain('gift')
    expect(await repository.served()).toBe('v2')
    await repository.order('a lamp')
    expect(items(database)).toEqual(['a lamp'])

    const back = await repository.act('workflow_dispatch', 'rollback.yml', ['--input', 'reason=orders look wrong'])
    expect(back).toContain('Success - Main Roll back')
    expect(await repository.served()).toBe('v1')
    expect(columns(database)).toContain('gift')

    for (const log of [first, second, back]) expect(log).not.toContain(password)
  }, 120_000)

  test('a run that fails is a run that failed, and v1 still serves', async () => {
    await expect(
      repository.act('workflow_dispatch', 'rollback.yml', ['--input', 'to=v77', '--input', 'reason=a mistake']),
    ).rejects.toMatchObject({ stdout: expect.stringMatching(/\[[A-Z_]+\].*v77/) })
    expect(await repository.served()).toBe('v1')
  }, 45_000)
})

function columns(path: string): unknown[] {
  return read(path, "SELECT name FROM pragma_table_info('orders')").map(({ name }) => name)
}

function items(path: string): unknown[] {
  return read(path, 'SELECT item FROM orders').map(({ item }) => item)
}

function read(path: string, query: string) {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return database.prepare(query).all()
  } finally {
    database.close()
  }
}
