-- Nobody reads by it, and it keeps values unique; the key and the exclusion stay as well.
create table people (id int primary key, email text unique, badge int, exclude using btree (badge with =));
create unique index people_lower on people (lower(email));
insert into people select i, 'u' || i, i from generate_series(1, 20000) i;
-- workload
select * from people where id = $1;
