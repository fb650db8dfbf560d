-- Nobody waits for this claim any more: what is published is not handed to it.
-- ARGV: session, the claim's name. Prolongs nothing.
local name = base .. ':worker:' .. ARGV[1]
if call('HGET', name, 'asks') == ARGV[2] then call('HSET', name, 'asks', NO_CLAIM) end
return {'ok'}
