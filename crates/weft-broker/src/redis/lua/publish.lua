-- Queues attempts that nobody knows yet, as far as there is room.
-- Atomic, so that an attempt that is queued, claimed or reported meanwhile is
-- not queued twice, and a worker that waits is woken for what it will find.
-- ARGV: epoch, incarnation, length of a queue, number of queues, version of the
-- messages; then key, queue, priority, message of each.
-- Answers, for each: 0 taken or known, 1 the queue is full, 2 one queue too many.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
local most, most_queues, version = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local depths, added, seen = {}, {}, {}
local reply = {'ok'}
for at = 6, #ARGV, 4 do
  local key, queue, priority, message = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local refused = 0
  if call('HEXISTS', ATTEMPTS, key) == 0 and call('HEXISTS', REPORTS, key) == 0 then
    local depth = depths[queue] or tonumber(call('HGET', DEPTH, queue) or 0)
    if depth >= most then
      refused = 1
    elseif depth == 0 and call('HLEN', DEPTH) >= most_queues then
      refused = 2
    else
      local member = priority .. ',' .. version
      local stream = lane(queue, member)
      local entry = call('XADD', stream, '*', 'k', key, 't', now, 'd', message)
      if not seen[stream] then
        seen[stream] = true
        call('ZADD', lanes(queue), -tonumber(priority), member)
      end
      call('HSET', ATTEMPTS, key, 'q ' .. member .. ' ' .. entry .. ' ' .. queue)
      depths[queue] = depth + 1
      added[queue] = (added[queue] or 0) + 1
      call('HSET', DEPTH, queue, depth + 1)
    end
  end
  reply[#reply + 1] = refused
end
for queue, count in pairs(added) do wake_queue(queue, count) end
return finish(reply)
