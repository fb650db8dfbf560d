-- Undoes claims of attempts that the worker never began, and tells the scheduler.
-- Atomic, so that none is nobody's in between, and only what the worker holds is given back.
-- ARGV: session, keys.
local session = ARGV[1]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
local mine = 'c' .. session
for at = 2, #ARGV do
  local key = ARGV[at]
  if call('HGET', ATTEMPTS, key) == mine then
    unhold(key, session)
    -- Somebody else's report of it says more.
    if call('HEXISTS', REPORTS, key) == 0 then
      call('HSET', ATTEMPTS, key, GIVEN_BACK)
      call('ZADD', LEASES, now + lease, key)
      notify('B', key)
    end
  end
end
return finish({'ok'})
