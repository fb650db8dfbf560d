-- The worker is gone, and what it held is given back.
-- Atomic, so that nothing is left of the registration that could run out later.
-- ARGV: session.
local worker = caller(ARGV[1])
if not worker then return finish({'unregistered'}) end
drop_worker(ARGV[1])
return finish({'ok'})
