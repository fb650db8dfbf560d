-- Undoes the claims of attempts that the worker never started, and notifies the scheduler.
-- Atomic, so that only attempts that the worker holds are released.
-- ARGV: session, keys.
local session = ARGV[1]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
local mine = 'c' .. session
for at = 2, #ARGV do
  local key = ARGV[at]
  if call('HGET', ATTEMPTS, key) == mine then
    end_hold(key, session)
    -- Another worker's report of the attempt takes precedence.
    if call('HEXISTS', REPORTS, key) == 0 then
      call('HSET', ATTEMPTS, key, RELEASED)
      call('ZADD', LEASES, now + lease, key)
      notify('B', key)
    end
  end
end
return finish({'ok'})
