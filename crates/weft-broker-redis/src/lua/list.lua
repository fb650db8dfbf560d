-- A part of the attempts that the broker has: queued, claimed or released.
-- ARGV: epoch, incarnation, the part ('0' is the first), about how many.
-- Answers the next part ('0' after the last one), then keys; a key may come twice.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
flush()
local part = call('HSCAN', ATTEMPTS, ARGV[3], 'COUNT', ARGV[4])
local reply = {'ok', part[1]}
for at = 1, #part[2], 2 do reply[#reply + 1] = part[2][at] end
return finish(reply)
