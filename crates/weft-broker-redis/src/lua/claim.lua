-- Claims queued attempts from the worker's queues, in their order, up to its free slots.
-- Atomic, so that no two workers get one attempt, and the lease begins with the claim.
-- ARGV: session, most attempts, the newest message version that the worker reads, most
-- entries in the stream of notices, the id of the claim waiter to register if none are queued
-- (0 or absent: the worker is only woken), most attempts to push to it, how many the worker
-- holds of other shards ('' if there are none), the inbox entry before which all signals were
-- taken ('' for none).
-- Answers lease ms, how many only a newer worker can read, the shard's weight; then queued ms,
-- version and message of each.
local session, most, reads, ask = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[5]
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
set_bound(worker, ARGV[7] or '')
trim_inbox(worker, ARGV[8] or '')
local free = math.min(free_slots(worker), most)
local reply = {'ok', lease, 0, tonumber(weight or '0')}
if free > 0 and epoch and call('XLEN', notices()) >= tonumber(ARGV[4]) then
  -- The scheduler has too many unread notices; claims wait.
  return finish(reply)
end

-- Entries that are read and deleted at once.
local MAX_READ = 1000

-- Claims from one stream and returns how many.
local function take(stream, version)
  local count, from = 0, '-'
  while free > 0 do
    local asked = math.min(free, MAX_READ)
    local entries, taken = call('XRANGE', stream, from, '+', 'COUNT', asked), {}
    for _, entry in ipairs(entries) do
      local fields = entry[2]
      -- Attempts too large for this worker stay for a larger one.
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
  for _, member in ipairs(free > 0 and call('ZRANGE', priority_streams(queue), 0, -1) or {}) do
    if free <= 0 then break end
    local version = tonumber(string.match(member, ',(%d+)$'))
    if version > reads then
      reply[3] = reply[3] + call('XLEN', priority_stream(queue, member))
    else
      count = count + take(priority_stream(queue, member), version)
      drop_empty_stream(queue, member)
    end
  end
  if count > 0 then reduce_depth(queue, count) end
end
worker.waiter = NO_WAITER
if #reply == 4 and not worker.paused then
  if free_slots(worker) == 0 then
    worker.wants_wakeup = true
  else
    for _, queue in ipairs(worker.queues) do
      call('SADD', waiting(queue), session)
    end
    if ask and ask ~= NO_WAITER then
      worker.waiter = ask
      call('HSET', base .. ':worker:' .. session, 'most', ARGV[6] or most, 'reads', reads, 'asked', now)
    end
  end
end
return finish(reply)
