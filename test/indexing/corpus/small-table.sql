-- A table of a few pages wants none.
create table currencies (id int primary key, code text, name text);
insert into currencies select i, 'C' || i, 'currency ' || i from generate_series(1, 400) i;
-- workload
select * from currencies where code = $1;
