-- The plain case.
-- create: orders (customer)
create table orders (id int primary key, customer int, note text);
insert into orders select i, i * 7919 % 2000, 'a note' from generate_series(1, 20000) i;
-- workload
select * from orders where customer = $1;
