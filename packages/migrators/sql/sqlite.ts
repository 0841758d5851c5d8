import type { Classified, MadeByBatch } from './batch.ts'
import { statementsOf } from './statements.ts'

/** Gives the reason why the old release may not survive, or null. */
type Rule = readonly [pattern: RegExp, judge: (match: RegExpMatchArray, made: MadeByBatch) => string | null]

const fine = () => null
const onlyNew = (why: string) => (match: RegExpMatchArray, made: MadeByBatch) =>
  made.tables.has(nameOf(match[1])) ? null : why

const rules: readonly Rule[] = [
  [
    /^CREATE (?:TEMP |TEMPORARY )?(?:VIRTUAL )?TABLE (IF NOT EXISTS )?(\S+)/,
    ([, maybe, table], made) => {
      if (!maybe) made.tables.add(nameOf(table))
      return null
    },
  ],
  [/^CREATE UNIQUE INDEX .*? ON (\S+)/, onlyNew('writes of the old release may break the new unique index')],
  [/^CREATE (?:TEMP |TEMPORARY )?TRIGGER .*? ON (\S+)/, onlyNew('a trigger changes what writes of the old release do')],
  [/^CREATE (?:INDEX|VIEW|TEMP VIEW|TEMPORARY VIEW) /, fine],
  [
    /^ALTER TABLE (\S+) ADD (?:COLUMN )?(\S+)(.*)$/,
    ([, table, column, rest = ''], made) => {
      if (made.tables.has(nameOf(table))) return null
      made.columns.add(`${nameOf(table)}.${nameOf(column)}`)
      return / NOT NULL/.test(rest) && !/ DEFAULT /.test(rest)
        ? 'the old release does not fill a column that is NOT NULL without DEFAULT'
        : null
    },
  ],
  [
    /^ALTER TABLE (\S+) RENAME TO (\S+)/,
    ([, table, next], made) => {
      if (!made.tables.has(nameOf(table))) return 'the old release uses the old table name'
      made.tables.add(nameOf(next))
      return null
    },
  ],
  [/^ALTER TABLE (\S+) RENAME /, onlyNew('the old release uses the old column name')],
  [/^ALTER TABLE (\S+) DROP /, onlyNew('the old release may use the dropped column')],
  [/^DROP TABLE (?:IF EXISTS )?(\S+)/, onlyNew('the old release may use the dropped table')],
  [/^INSERT (?:OR (?:IGNORE|ABORT|FAIL|ROLLBACK) )?INTO (?!.* DO UPDATE )/, fine],
  [/^(?:REPLACE|INSERT OR REPLACE) INTO (\S+)/, onlyNew('rows that the old release uses are replaced')],
  [
    /^UPDATE (?:OR \w+ )?(\S+) SET (.*)$/,
    ([, table, rest = ''], made) => {
      const name = nameOf(table)
      const set = assigned(rest)
      const allNew = set.length > 0 && set.every((column) => made.columns.has(`${name}.${column}`))
      return made.tables.has(name) || allNew ? null : 'values that the old release uses are changed'
    },
  ],
  [/^DELETE FROM (\S+)/, onlyNew('rows that the old release uses are deleted')],
  [/^(?:SELECT|ANALYZE|REINDEX|VACUUM|BEGIN|COMMIT|END|SAVEPOINT|RELEASE)\b/, fine],
  [/^PRAGMA (?!WRITABLE_SCHEMA)/, fine],
]

/** Does a release from before the batch survive these statements? What is not recognised counts as contract. */
export function classifySqlite(sql: string, made: MadeByBatch): Classified {
  const because = statementsOf(sql).flatMap((statement) => {
    const why = judge(statement, made)
    return why === null ? [] : [`${statement.slice(0, 80)}: ${why}`]
  })
  return { class: because.length === 0 ? 'expand' : 'contract', because: because.slice(0, 5) }
}

function judge(statement: string, made: MadeByBatch): string | null {
  for (const [pattern, decide] of rules) {
    const match = statement.match(pattern)
    if (match) return decide(match, made)
  }
  return 'it is not known what this does to the old release'
}

/** `MAIN.ORDERS(` and `ORDERS` are the same table. */
function nameOf(text = ''): string {
  return text.replace(/^MAIN\./, '').replace(/[(,;].*$/, '')
}

/** Columns on the left side of a SET list, commas inside parentheses aside. */
function assigned(rest: string): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const word of rest.split(' ')) {
    if (depth === 0 && /^(WHERE|FROM|RETURNING)$/.test(word)) break
    depth += word === '(' ? 1 : word === ')' ? -1 : 0
    if (word === ',' && depth === 0) {
      parts.push(part)
      part = ''
    } else part += `${word} `
  }
  return [...parts, part].map((text) => text.split(' ')[0] ?? '')
}
