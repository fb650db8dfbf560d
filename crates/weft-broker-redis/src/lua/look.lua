-- Whether a registration is still known, and by which server. Prolongs nothing:
-- a worker that makes no calls itself is to lose it.
-- ARGV: session.
return {call('EXISTS', base .. ':worker:' .. ARGV[1]), server_id()}
