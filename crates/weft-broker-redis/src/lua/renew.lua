-- Renews leases in one step and names the attempts that the worker no longer holds.
-- Atomic, so that a lease can't expire while it is renewed.
-- ARGV: session, how many the worker holds of other shards ('' if there are none), keys.
-- Answers the indices of the lost ones, from 0.
local session = ARGV[1]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
set_bound(worker, ARGV[2])
local reply = {'ok'}
local mine = 'c' .. session
for at = 3, #ARGV do
  local key = ARGV[at]
  if call('HGET', ATTEMPTS, key) == mine then
    call('ZADD', LEASES, time(now + lease), key)
  else
    local reporters = call('HGET', REPORTERS, key)
    local is_reported = false
    if reporters then
      for _, id in ipairs(cjson.decode(reporters)) do is_reported = is_reported or id == worker.id end
    end
    if not is_reported then reply[#reply + 1] = at - 3 end
  end
end
return finish(reply)
