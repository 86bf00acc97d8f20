-- One customer's number is one case of many, and no condition of an index.
-- create: orders (customer)
create table orders (id int primary key, customer int);
insert into orders select i, i * 7919 % 2000 from generate_series(1, 20000) i;
-- workload
select * from orders where customer = 42;
