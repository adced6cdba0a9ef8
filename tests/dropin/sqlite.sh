#!/bin/bash
# SPDX-License-Identifier: MIT
#
# SQLite: a database in memory and one in a file; inserts, indexes, joins, window functions, blobs,
# savepoints, vacuum.
. "$(dirname "$0")/lib.bash"
need sqlite3

workload() # DATABASE
{
    sqlite3 "$1" << 'END'
pragma cache_size = 500;
create table item(id integer primary key, name text, price real, data blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 120000)
insert into item select i, printf('item-%x-%d', i * 7919 % 100003, i),
    (i * 104729 % 10007) / 100.0, zeroblob(i % 200) from n;
create index by_name on item(name);
create index by_price on item(price, name);
create table sale(item integer, day integer, amount integer);
insert into sale select id * 31 % 120000 + 1, id % 365, id % 17 from item;
create index by_item on sale(item);
select count(*), sum(length(data)), round(sum(price), 2) from item;
select name, sum(amount) s from item join sale on item.id = sale.item
    group by name order by s desc, name limit 20;
select day, round(sum(price * amount), 2), rank() over (order by sum(price * amount) desc)
    from sale join item on item.id = sale.item group by day order by 3, 1 limit 20;
begin;
update item set name = name || '-x', data = zeroblob(length(data) * 20) where id % 7 = 0;
savepoint s;
delete from item where id % 3 = 0;
select count(*) from item;
rollback to s;
commit;
delete from item where id % 5 = 0;
select count(*), sum(length(data)), max(name) from item;
select group_concat(substr(name, 6, 3), '') from (select name from item order by price limit 3000);
select json_group_array(json_object('n', name, 'p', price)) from (select * from item
    where id < 400 order by id);
select hex(max(data)), count(distinct substr(name, 1, 7)) from item where length(data) < 40;
vacuum;
reindex;
analyze;
pragma integrity_check;
END
}

in_memory()
{
    workload :memory:
}

in_file()
{
    workload file.db && sqlite3 file.db .dump | sha256sum
    sha256sum file.db
}

both "in memory" in_memory
both "in a file" in_file
finish
