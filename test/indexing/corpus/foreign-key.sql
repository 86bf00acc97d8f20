-- Parents are deleted, and each time the children are searched.
-- create: children (parent)
create table parents (id int primary key);
create table children (id int primary key, parent int references parents);
insert into parents select i from generate_series(1, 2000) i;
insert into children select i, i * 7919 % 1000 + 1 from generate_series(1, 20000) i;
delete from parents where id between 1900 and 1903;
-- workload
select * from children where id = $1;
