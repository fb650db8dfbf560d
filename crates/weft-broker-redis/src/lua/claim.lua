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

-- Entries that are read, and deleted, at once.
local MOST_READ = 1000

-- Takes from a lane, and answers how many.
local function take(stream, version)
  local count, from = 0, '-'
  while free > 0 do
    local asked = math.min(free, MOST_READ)
    local entries, taken = call('XRANGE', stream, from, '+', 'COUNT', asked), {}
    for _, entry in ipairs(entries) do
      local fields = entry[2]
      -- What is too large for this worker is left to a larger one.
      if worker.memory < 0 or tonumber(fields[8] or '0') <= worker.memory then
        taken[#taken + 1] = entry[1]
        hold(fields[2], session)
        for _, value in ipairs({now - tonumber(fields[4]), version, fields[6]}) do
          reply[#reply + 1] = value
        end
      end
      from = '(' .. entry[1]
    end
    if #taken > 0 then call('XDEL', stream, unpack(taken)) end
    count, free = count + #taken, free - #taken
    if #entries < asked then break end
  end
  return count
end

for _, queue in ipairs(worker.queues) do
  local count = 0
  for _, member in ipairs(free > 0 and call('ZRANGE', lanes(queue), 0, -1) or {}) do
    if free <= 0 then break end
    local version = tonumber(string.match(member, ',(%d+)$'))
    if version > reads then
      reply[3] = reply[3] + call('XLEN', lane(queue, member))
    else
      count = count + take(lane(queue, member), version)
      tidy(queue, member)
    end
  end
  if count > 0 then shallower(queue, count) end
end
worker.asks = NO_CLAIM
if #reply == 4 and not worker.paused then
  if room(worker) == 0 then
    worker.wants = true
  else
    for _, queue in ipairs(worker.queues) do
      call('SADD', waiting(queue), session)
    end
    if ask and ask ~= NO_CLAIM then
      worker.asks = ask
      call('HSET', base .. ':worker:' .. session, 'most', ARGV[6] or most, 'reads', reads, 'asked', now)
    end
  end
end
return finish(reply)
