-- Undoes the claims of attempts that the worker never started, and notifies the scheduler.
-- Atomic, so that only attempts that the worker holds are released.
-- ARGV: session, keys.
local session = ARGV[1]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
local mine = 'c' .. session
read_ahead(attempts, ARGV, 2, 1)
read_ahead(reports, ARGV, 2, 1)
for at = 2, #ARGV do
  local key = ARGV[at]
  if get(attempts, key) == mine then
    end_hold(key, session)
    -- Another worker's report of the attempt takes precedence.
    if not get(reports, key) then
      put(attempts, key, RELEASED)
      set_score(LEASES, key, time(now + lease))
      notify('B', key)
    end
  end
end
return finish({'ok'})
