-- The inner table is looked up by what the outer one gives.
-- create: orders (customer)
create table customers (id int primary key, name text);
create table orders (id int primary key, customer int, note text);
insert into customers select i, 'name' from generate_series(1, 2000) i;
insert into orders select i, i * 7919 % 20000, 'a note' from generate_series(1, 40000) i;
-- workload
select * from customers c where c.id = $1 and exists (select 1 from orders o where o.customer = c.id);
