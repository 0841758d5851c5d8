import { DatabaseSync } from 'node:sqlite'

/**
 * The orders in an SQLite file, or in memory when no file is given. Works with the table as the first migration makes it
 * and with the column of the second one, whichever is there: the two releases of a blue-green deploy share one database.
 */
export function openOrders(file) {
  const database = new DatabaseSync(file ?? ':memory:', { timeout: 5000 })
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  if (file === undefined) database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, note TEXT)')

  const statements = new Map()
  const prepared = (sql) => {
    const known = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, known)
    return known
  }
  const hasNote = () => prepared("SELECT 1 FROM pragma_table_info('orders') WHERE name = 'note'").get() !== undefined

  return {
    count: () => prepared('SELECT count(*) AS orders FROM orders').get().orders,
    add({ item, note }) {
      const result = hasNote()
        ? prepared('INSERT INTO orders (item, note) VALUES (?, ?)').run(item, note ?? null)
        : prepared('INSERT INTO orders (item) VALUES (?)').run(item)
      return Number(result.lastInsertRowid)
    },
    close: () => database.close(),
  }
}
