-- Holds the number of a migration that is made beside this one.
select 1;
