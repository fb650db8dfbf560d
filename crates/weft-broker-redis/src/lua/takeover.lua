-- A scheduler becomes the one that counts, or learns that a newer one is.
-- Atomic, so that no notice is written for the one before after it was replaced.
-- ARGV: epoch, a name for a new incarnation, lease ms, renewal ms, redelivery ms.
local mine = ARGV[1]
if epoch and tonumber(epoch) > tonumber(mine) then return {'deposed'} end
local is_new = incarnation and 0 or 1
begin_incarnation(ARGV[2], ARGV[3], ARGV[5])
if epoch and epoch ~= mine then
  -- Whoever still reads there learns that it is deposed.
  call('XADD', notices(), '*', 'k', 'X')
  call('PEXPIRE', notices(), 60000)
end
epoch, lease, redeliver = mine, tonumber(ARGV[3]), tonumber(ARGV[5])
call('HSET', META, 'epoch', mine, 'lease', ARGV[3], 'renew', ARGV[4], 'redeliver', ARGV[5])
-- Every report is told again, by the ticks that follow.
for _, key in ipairs(call('HKEYS', REPORTS)) do call('ZADD', AGAIN, 0, key) end
pass_time()
risen = true
local born = tonumber(call('HGET', META, 'born')) or now
return finish({'ok', incarnation, is_new, now - born, server_id()})
