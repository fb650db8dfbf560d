-- Removes a claim waiter whose call was dropped, so that nothing is pushed to it.
-- ARGV: session, the waiter's id. It extends no registration.
local name = base .. ':worker:' .. ARGV[1]
if call('HGET', name, 'asks') == ARGV[2] then call('HSET', name, 'asks', NO_WAITER) end
return {'ok'}
