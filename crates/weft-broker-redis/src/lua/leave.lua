-- The worker leaves, and what it held expires.
-- Atomic, so that nothing of the registration is left to expire later.
-- ARGV: session.
local worker = caller(ARGV[1])
if not worker then return finish({'unregistered'}) end
drop_worker(ARGV[1])
return finish({'ok'})
