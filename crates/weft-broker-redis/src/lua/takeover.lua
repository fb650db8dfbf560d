-- Makes a scheduler the current one, unless one with a higher epoch has taken over.
-- Atomic, so that the previous scheduler gets no notice after it was replaced.
-- ARGV: epoch, a name for a new incarnation, lease ms, renewal ms, redelivery ms.
local mine = ARGV[1]
if epoch and tonumber(epoch) > tonumber(mine) then return {'deposed'} end
local is_new = incarnation and 0 or 1
ensure_incarnation(ARGV[2], ARGV[3], ARGV[5])
if epoch and epoch ~= mine then
  -- Tells the previous scheduler that it was replaced.
  call('XADD', notices(), '*', 'k', 'X')
  call('PEXPIRE', notices(), 60000)
end
epoch, lease, redeliver = mine, tonumber(ARGV[3]), tonumber(ARGV[5])
call('HSET', META, 'epoch', mine, 'lease', ARGV[3], 'renew', ARGV[4], 'redeliver', ARGV[5])
-- The next ticks deliver every report again.
for _, key in ipairs(call('HKEYS', REPORTS)) do call('ZADD', AGAIN, 0, key) end
-- Leases may have become shorter.
due = nil
expire_due()
risen = true
local born = tonumber(call('HGET', META, 'born')) or now
-- The last committed turns of the schedulers before, with which this one finds out whether the
-- database lost some.
return finish({'ok', incarnation, is_new, now - born, server_id(), call('HGET', META, 'turns') or ''})
