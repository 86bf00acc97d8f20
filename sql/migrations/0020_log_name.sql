--! breaking: no   lock: none   rewrite: none   time: instant
-- The name of the log moves from memory to platform.log_name, which two stores use; memory.follow_events is applied again
-- in the same transaction.

drop function if exists memory.log_name();
delete from platform.routines where path = 'memory/log_name';
