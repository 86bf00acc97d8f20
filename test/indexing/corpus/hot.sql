-- Updates change a column of an index, so none of them is HOT: it is named.
-- hot: agents_seen_idx (seen)
-- kept: agents_seen_idx
create table agents (id int primary key, name text, seen timestamptz) with (fillfactor = 50);
create index agents_seen_idx on agents (seen);
insert into agents select i, 'agent', timestamptz '2025-01-01' + i * 7919 % 20000 * interval '1 minute' from generate_series(1, 20000) i;
update agents set seen = now() where id <= 3000;
-- workload
-- calls: 3000
update agents set seen = now() where id = $1;
-- calls: 100
select * from agents order by seen desc limit 10;
