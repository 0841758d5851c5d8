import { describe, expect, test } from '@jest/globals'
import { classifySqlite } from '../../packages/migrators/sql/sqlite.ts'
import { statementsOf } from '../../packages/migrators/sql/statements.ts'

const classOf = (...files: readonly string[]) => {
  const made = { tables: new Set<string>(), columns: new Set<string>() }
  return files.map((sql) => classifySqlite(sql, made).class)
}

describe('the old release survives', () => {
  test.each([
    'create table t (id integer primary key)',
    'create table if not exists t (id)',
    'create virtual table search using fts5(text)',
    'create index i on orders (item)',
    'create view v as select * from orders',
    'alter table orders add column note text',
    'alter table orders add note text',
    "alter table orders add column state text not null default 'new'",
    "insert into orders (item) values ('drop table orders')",
    'insert or ignore into orders values (1)',
    '-- drop table orders\nselect 1',
    '/* drop table orders; */ pragma foreign_keys = off',
    "alter table orders add column state text; update orders set state = 'new' where state is null",
    'create table t (a); create unique index u on t (a); alter table t rename to s; drop table s',
    'create table t (a); create trigger tr after insert on t begin delete from t; update t set a = case when 1 then 2 end; end; drop table t',
    'create table "My Table" (a); insert into "My Table" values (1); delete from "My Table"',
    'analyze',
    '',
  ])('%s', (sql) => {
    expect(classOf(sql)).toEqual(['expand'])
  })
})

describe('the old release may not survive', () => {
  test.each([
    'drop table orders',
    'DROP TABLE IF EXISTS "orders"',
    'alter table orders drop column item',
    'alter table orders rename column item to product',
    'alter table orders rename item to product',
    'alter table orders rename to purchases',
    'alter table orders add column state text not null',
    'create unique index u on orders (item)',
    "create trigger tr before insert on orders begin select raise(abort, 'no'); end",
    'drop index i',
    'drop view v',
    'drop trigger tr',
    'delete from orders',
    "update orders set item = 'x'",
    "alter table orders add column state text; update orders set state = 'new', item = 'x'",
    'replace into orders values (1)',
    'insert or replace into orders values (1)',
    "insert into orders values (1, 'a') on conflict (id) do update set item = 'b'",
    'pragma writable_schema = on',
    'with old as (select 1) delete from orders',
    "attach database 'x' as x",
    'create table if not exists orders (id); drop table orders',
    'create table orders_new (id); insert into orders_new select id from orders; drop table orders; alter table orders_new rename to orders',
    'create table t (a); drop table t; drop table orders',
    'select 1; ; drop table orders',
    "select 'it''s; fine'; drop table orders",
    'drop table main.orders',
    'drop\n\ttable\n/* a */ orders',
  ])('%s', (sql) => {
    expect(classOf(sql)).toEqual(['contract'])
  })
})

test('what an earlier file of the batch made may be changed by a later one', () => {
  expect(classOf('create table t (a)', 'drop table t')).toEqual(['expand', 'expand'])
  expect(classOf('drop table t')).toEqual(['contract'])
  expect(
    classOf('alter table orders add column a', 'update orders set a = (select max(1, 2)), a = 3 where id in (1)'),
  ).toEqual(['expand', 'expand'])
})

test('the reason names the statement', () => {
  const { because } = classifySqlite('create table t (a);\ndrop table orders;', {
    tables: new Set(),
    columns: new Set(),
  })
  expect(because).toEqual(['DROP TABLE ORDERS: the old release may use the dropped table'])
})

test.each([
  "'",
  '"',
  '[',
  '/*',
  '--',
  ';;;',
  'create trigger x begin',
  'create trigger t after insert on o begin',
  '\0\0',
  '🚢',
  "x'",
  'a'.repeat(100_000),
  '('.repeat(50_000),
  'update t set '.repeat(5000),
])('text that is no SQL is classified in time (%#)', (sql) => {
  const began = performance.now()
  expect(Array.isArray(statementsOf(sql))).toBe(true)
  classOf(sql)
  expect(performance.now() - began).toBeLessThan(2000)
})
