-- One row at most: nothing is better than the key, whatever else is compared or read.
create table orders (id int primary key, customer int, note text);
insert into orders select i, i * 7919 % 2000, 'a note' from generate_series(1, 20000) i;
-- workload
select note from orders where id = $1 and customer = $2;
select customer from orders where id = $1;
