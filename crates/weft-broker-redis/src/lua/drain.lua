-- Signals a worker to drain, if it is registered.
-- ARGV: its id.
expire_due()
local known = call('HEXISTS', SESSIONS, ARGV[1])
if known == 1 then signal(ARGV[1], 'd', '') end
return finish({'ok', known})
