import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readHealthBody } from '#kernel'

const seen = (body: unknown) => {
  const found = readHealthBody(JSON.stringify(body))
  return found === null
    ? null
    : [
        found.state,
        ...found.dependencies.map(({ name, state, detail }) => [name, state, ...(detail === '' ? [] : [detail])]),
      ]
}

describe('readHealthBody', () => {
  test('checks as words, truths and objects', () => {
    const checks = {
      db: 'ok',
      cache: 'down',
      queue: true,
      mail: { status: 'degraded', message: 'slow  to\nanswer' },
      search: { healthy: false, error: 'timeout' },
      disk: { state: 'UP' },
      moon: 'full',
      stars: 12,
    }
    expect(seen({ status: 'ok', checks })).toEqual([
      'up',
      ['db', 'up'],
      ['cache', 'down'],
      ['queue', 'up'],
      ['mail', 'degraded', 'slow to answer'],
      ['search', 'down', 'timeout'],
      ['disk', 'up'],
      ['moon', 'unknown'],
      ['stars', 'unknown'],
    ])
  })

  test('Spring Boot Actuator: components within components (its documentation, "Health information")', () => {
    const body = {
      status: 'DOWN',
      components: {
        broker: {
          status: 'UP',
          components: { us1: { status: 'UP', details: { version: '1.0.2' } }, us2: { status: 'OUT_OF_SERVICE' } },
        },
        db: { status: 'DOWN', details: { database: 'H2', error: 'no connection' } },
        diskSpace: { status: 'UP', details: { total: 325500063744, free: 140403384320, threshold: 10485760 } },
        other: { status: 'UNKNOWN' },
      },
    }
    expect(seen(body)).toEqual([
      'down',
      ['broker.us1', 'up'],
      ['broker.us2', 'down'],
      ['db', 'down', 'no connection'],
      ['diskSpace', 'up'],
      ['other', 'unknown'],
    ])
  })

  test('health+json: lists of measurements (draft-inadarei-api-health-check-06, section 5)', () => {
    const body = {
      status: 'pass',
      checks: {
        'cassandra:responseTime': [
          { componentId: 'dfd6cf2b', componentType: 'datastore', observedValue: 250, status: 'pass', output: '' },
        ],
        uptime: [{ componentType: 'system', observedValue: 1209600.245, status: 'pass' }],
        'cpu:utilization': [
          { componentId: '6fd416e0', node: 1, observedValue: 85, status: 'warn', output: 'too busy' },
          { componentId: '6fd416e1', node: 2, observedValue: 85, status: 'fail' },
        ],
      },
    }
    expect(seen(body)).toEqual([
      'up',
      ['cassandra:responseTime', 'up'],
      ['uptime', 'up'],
      ['cpu:utilization 6fd416e0', 'degraded', 'too busy'],
      ['cpu:utilization 6fd416e1', 'down'],
    ])
  })

  test('MicroProfile Health: a list with names (its specification 4.0, "Wireformats")', () => {
    const body = {
      status: 'DOWN',
      checks: [
        { name: 'firstCheck', status: 'DOWN', data: { key: 'foo' } },
        { name: 'secondCheck', status: 'UP' },
      ],
    }
    expect(seen(body)).toEqual(['down', ['firstCheck', 'down'], ['secondCheck', 'up']])
  })

  test('ASP.NET: entries (AspNetCore.Diagnostics.HealthChecks, UI response)', () => {
    const body = {
      status: 'Unhealthy',
      entries: {
        sql: { status: 'Healthy', duration: '00:00:00.1' },
        redis: { status: 'Unhealthy', description: 'no route' },
      },
    }
    expect(seen(body)).toEqual(['down', ['sql', 'up'], ['redis', 'down', 'no route']])
  })

  test('@godaddy/terminus: info, error, details', () => {
    const body = {
      status: 'error',
      info: { a: { status: 'up' } },
      error: { b: { status: 'down' } },
      details: { a: { status: 'up' }, b: { status: 'down', message: 'gone' } },
    }
    expect(seen(body)).toEqual(['down', ['a', 'up'], ['b', 'down', 'gone']])
  })

  test('nothing of that kind', () => {
    for (const body of ['', 'fine', '[]', '"ok"', 'null', '12']) expect(readHealthBody(body)).toBeNull()
    expect(seen({})).toEqual(['unknown'])
    expect(seen({ status: 'ok', checks: 3 })).toEqual(['up'])
    expect(seen({ checks: {} })).toEqual(['unknown'])
    expect(seen({ checks: { a: null } })).toEqual(['unknown', ['a', 'unknown']])
    expect(seen({ checks: { a: {} } })).toEqual(['unknown', ['a', 'unknown']])
  })

  test('any JSON is read, in bounds, and what is not known is never up', () => {
    const word = fc.constantFrom('status', 'checks', 'components', 'details', 'ok', 'name')
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom('blue', 7, null, ''),
        fc.array(tie('node'), { maxLength: 4 }),
        fc.dictionary(word, tie('node'), { maxKeys: 4 }),
      ),
    })).node
    fc.assert(
      fc.property(tree, (body) => {
        const found = readHealthBody(JSON.stringify(body))
        expect(found?.dependencies.every(({ state }) => state === 'unknown') ?? true).toBe(true)
      }),
    )
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`c${at}`, 'ok']))
    expect(readHealthBody(JSON.stringify({ checks: many }))?.dependencies).toHaveLength(200)
    const lists = Object.fromEntries(
      Array.from({ length: 150 }, (_, at) => [`c${at}`, new Array(150).fill({ status: 'ok' })]),
    )
    expect(readHealthBody(JSON.stringify({ checks: lists }))?.dependencies).toHaveLength(200)
    const long = readHealthBody(
      JSON.stringify({ checks: { ['x'.repeat(9999)]: { status: 'ok', message: 'y'.repeat(9999) } } }),
    )
    expect(JSON.stringify(long).length).toBeLessThan(500)
  })
})
