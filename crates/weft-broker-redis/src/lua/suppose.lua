-- Attempts that had started when everything was lost are held by nobody for one
-- lease: within it their workers announce them, after it they are told as lost.
-- Atomic, so that one that was announced meanwhile is left to its worker.
-- ARGV: epoch, incarnation, keys.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
for at = 3, #ARGV do
  local key = ARGV[at]
  if call('HEXISTS', ATTEMPTS, key) == 0 and call('HEXISTS', REPORTS, key) == 0 then
    call('HSET', ATTEMPTS, key, 'c' .. NOBODY)
    call('ZADD', LEASES, now + lease, key)
  end
end
return finish({'ok'})
