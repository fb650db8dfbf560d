-- Claims what waits in the worker's queues, in its order, as far as it has room.
-- Atomic, so that no two workers get one attempt, and the lease begins with the claim.
-- ARGV: session, most, the newest version of messages that the worker reads, how
-- many entries of notices may wait for the scheduler, the claim's name: under it the worker may be
-- handed what is published while it waits (an older one is only woken, and gives none, and one
-- of several shards may give none), how many it may be handed, how many it holds of other shards
-- ('' where there are none).
-- Answers lease ms, how many are left to a newer worker, the shard's weight, then how long it
-- waited in ms, version and message of each.
local session, most, reads, ask = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[5]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
bound(worker, ARGV[7] or '')
local free = math.min(room(worker), most)
local reply = {'ok', lease, 0, tonumber(weight or '0')}
if free > 0 and epoch and call('XLEN', notices()) >= tonumber(ARGV[4]) then
  -- The scheduler doesn't keep up; claims go on when it does.
  return finish(reply)
end
local function give(...)
  for _, value in ipairs({...}) do reply[#reply + 1] = value end
end
local _, left = take(session, worker, free, reads, math.huge, give)
reply[3] = left
worker.asks = NO_CLAIM
if #reply == 4 and not worker.paused then
  if room(worker) == 0 then
    worker.wants = true
  else
    for _, queue in ipairs(worker.queues) do
      call('SADD', base .. ':waiting:' .. queue, session)
    end
    if ask and ask ~= NO_CLAIM then
      worker.asks = ask
      call('HSET', base .. ':worker:' .. session, 'most', ARGV[6] or most, 'reads', reads, 'asked', now)
    end
  end
end
return finish(reply)
