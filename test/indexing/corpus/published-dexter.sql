-- The tables of dexter's documentation, and the same indexes. Two tables have a column of one name: an index serves its own table alone.
-- create: genres_movies (genre)
-- create: genres_movies (movie)
-- create: movies (title)
-- create: ratings (movie)
-- create: ratings (person)
-- create: ratings (rating)
create table movies (id int primary key, title text);
create table genres_movies (movie int, genre int);
create table ratings (id int primary key, person int, movie int, rating int);
insert into movies select i, 'movie ' || i from generate_series(1, 10000) i;
insert into genres_movies select i % 10000, i * 7919 % 400 from generate_series(1, 20000) i;
insert into ratings select i, i * 7919 % 1000, i * 31 % 1700, i * 7919 % 10 from generate_series(1, 40000) i;
-- workload
select * from genres_movies where genre = $1;
select * from genres_movies where movie = $1;
select * from movies where title = $1;
select * from ratings where movie = $1;
select * from ratings where person = $1;
select avg(movie) from ratings where rating = $1;
