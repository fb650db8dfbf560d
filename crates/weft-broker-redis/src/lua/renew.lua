-- Renews leases in one step and names the attempts that the worker no longer holds.
-- Atomic, so that a lease can't expire while it is renewed.
-- ARGV: session, how many the worker holds of other shards ('' if there are none), the inbox
-- entry before which all signals were taken ('' for none), keys.
-- Answers the indices of the lost ones, from 0.
local session = ARGV[1]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
set_bound(worker, ARGV[2])
trim_inbox(worker, ARGV[3])
local reply = {'ok'}
local mine = 'c' .. session
read_ahead(attempts, ARGV, 4, 1)
for at = 4, #ARGV do
  local key = ARGV[at]
  if get(attempts, key) == mine then
    set_score(LEASES, key, time(now + lease))
  else
    local ids = get(reporters, key)
    local is_reported = false
    if ids then
      for _, id in ipairs(cjson.decode(ids)) do is_reported = is_reported or id == worker.id end
    end
    if not is_reported then reply[#reply + 1] = at - 4 end
  end
end
return finish(reply)
