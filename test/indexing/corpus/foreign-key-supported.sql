-- Nobody scans it, and it supports a foreign key.
create table parents (id int primary key);
create table children (id int primary key, parent int references parents);
create index children_parent on children (parent);
insert into parents select i from generate_series(1, 1000) i;
insert into children select i, i * 7919 % 1000 + 1 from generate_series(1, 20000) i;
-- workload
select * from children where id = $1;
