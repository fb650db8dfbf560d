-- Presumes attempts that had started before a loss held for one lease, without a holder: in
-- this time their workers announce them, after it they expire.
-- Atomic, so that an attempt that was announced meanwhile stays with its worker.
-- ARGV: epoch, incarnation, keys.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
for at = 3, #ARGV do
  local key = ARGV[at]
  if call('HEXISTS', ATTEMPTS, key) == 0 and call('HEXISTS', REPORTS, key) == 0 then
    call('HSET', ATTEMPTS, key, 'c' .. NO_HOLDER)
    call('ZADD', LEASES, now + lease, key)
  end
end
return finish({'ok'})
