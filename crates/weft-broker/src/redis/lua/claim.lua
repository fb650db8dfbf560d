-- Claims what waits in the worker's queues, in its order, as far as it has room.
-- Atomic, so that no two workers get one attempt, and the lease begins with the claim.
-- ARGV: session, most, the newest version of messages that the worker reads, how
-- many notices may wait for the scheduler.
-- Answers lease ms, how many are left to a newer worker, then how long it waited
-- in ms, version and message of each.
local session, most, reads = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local worker = caller(session)
if not worker then return {'unregistered'} end
local free = math.min(room(worker), most)
local left = 0
local reply = {'ok', lease, 0}
if free > 0 and epoch and call('XLEN', notices()) >= tonumber(ARGV[4]) then
  -- The scheduler doesn't keep up; claims go on when it does.
  return finish(reply)
end
for _, queue in ipairs(worker.queues) do
  if free <= 0 then break end
  local taken = 0
  for _, member in ipairs(call('ZRANGE', lanes(queue), 0, -1)) do
    if free <= 0 then break end
    local version = tonumber(string.match(member, ',(%d+)$'))
    local stream = lane(queue, member)
    if version > reads then
      left = left + call('XLEN', stream)
    else
      for _, entry in ipairs(call('XRANGE', stream, '-', '+', 'COUNT', free)) do
        local fields = entry[2]
        call('XDEL', stream, entry[1])
        hold(fields[2], session)
        reply[#reply + 1] = now - tonumber(fields[4])
        reply[#reply + 1] = version
        reply[#reply + 1] = fields[6]
        taken, free = taken + 1, free - 1
      end
      tidy(queue, member)
    end
  end
  if taken > 0 then shallower(queue, taken) end
end
reply[3] = left
if #reply == 3 and not worker.paused then
  if room(worker) == 0 then
    worker.wants = true
  else
    for _, queue in ipairs(worker.queues) do
      call('SADD', base .. ':waiting:' .. queue, session)
    end
  end
end
return finish(reply)
