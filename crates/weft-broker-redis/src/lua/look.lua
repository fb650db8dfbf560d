-- Whether a registration exists, and the id of the answering server. It extends nothing:
-- a worker that makes no other calls loses its registration.
-- ARGV: session.
return {call('EXISTS', base .. ':worker:' .. ARGV[1]), server_id()}
