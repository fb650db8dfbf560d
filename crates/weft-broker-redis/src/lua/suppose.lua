-- Presumes attempts that had started before a loss held for one lease, without a holder: in
-- this time their workers announce them, after it they expire.
-- Atomic, so that an attempt that was announced meanwhile stays with its worker.
-- ARGV: epoch, incarnation, keys.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
read_ahead(attempts, ARGV, 3, 1)
read_ahead(reports, ARGV, 3, 1)
for at = 3, #ARGV do
  local key = ARGV[at]
  if not get(attempts, key) and not get(reports, key) then
    put(attempts, key, 'c' .. NO_HOLDER)
    set_score(LEASES, key, time(now + lease))
  end
end
return finish({'ok'})
