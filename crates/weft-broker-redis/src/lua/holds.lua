-- The attempts that a worker holds, if it is registered.
-- ARGV: its id.
expire_due()
flush()
local session = call('HGET', SESSIONS, ARGV[1])
local reply = {'ok'}
if session then
  for _, key in ipairs(call('SMEMBERS', base .. ':held:' .. session)) do reply[#reply + 1] = key end
end
return finish(reply)
