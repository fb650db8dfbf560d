-- Queues attempts that nobody knows yet or that were given back, as far as there is room.
-- Atomic, so that an attempt that is queued, claimed or reported meanwhile is
-- not queued twice, and a worker that waits is handed it, or woken for what it will find.
-- ARGV: epoch, incarnation, length of a queue, number of queues, version of the
-- messages, how many entries of notices may wait for the scheduler; then key,
-- queue, priority, message, memory of each.
-- Answers, for each: 0 taken or known, 1 the queue is full, 2 one queue too many.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
local most, most_queues, version = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
-- A longer message is left for the worker to fetch: an inbox is no place for it.
local LONGEST_HANDED = 65536
-- A claim that waits looks each second; one that has not for so long may be nobody's any more.
local ASKS_FOR = 2000

-- Claims for a worker whose call waits, and puts what came of it into its inbox: the worker has
-- it after one hop. It is what the call would have claimed by itself now, and no more than asked.
local function hand(session, worker, share)
  local ask = worker.asks
  worker.asks = NO_CLAIM
  local function give(waited, its_version, message)
    signal(worker.id, 'h', table.concat({session, ask, lease, waited, its_version, message}, ' '))
  end
  local free = math.min(room(worker), worker.most, share)
  return (take(session, worker, free, worker.reads, LONGEST_HANDED, give))
end

-- Brings what was added to a queue to workers that wait for it, in equal shares.
local function serve(queue, count)
  local waiting = base .. ':waiting:' .. queue
  local may_claim = call('XLEN', notices()) < tonumber(ARGV[6])
  while count > 0 do
    local session = call('SPOP', waiting)
    if not session then return end
    local worker = get_worker(session)
    if worker and room(worker) > 0 then
      local taken = {}
      if may_claim and worker.asks ~= NO_CLAIM and now - worker.asked <= ASKS_FOR then
        taken = hand(session, worker, math.ceil(count / (call('SCARD', waiting) + 1)))
      end
      if not next(taken) then
        wake(worker)
        count = count - 1
      end
      -- It may have taken from another of its queues, which comes first.
      count = count - (taken[queue] or 0)
    end
  end
end

local depths, added, queues, seen = {}, {}, {}, {}
local reply = {'ok'}
for at = 7, #ARGV, 5 do
  local key, queue, priority, message = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local memory = ARGV[at + 4]
  local refused = 0
  local state = call('HGET', ATTEMPTS, key)
  if (not state or state == GIVEN_BACK) and call('HEXISTS', REPORTS, key) == 0 then
    local depth = depths[queue] or tonumber(call('HGET', DEPTH, queue) or 0)
    if depth >= most then
      refused = 1
    elseif depth == 0 and call('HLEN', DEPTH) >= most_queues then
      refused = 2
    else
      -- What was given back goes before what waits with the same priority.
      local member = priority .. (state and 'b,' or ',') .. version
      local stream = lane(queue, member)
      local entry = call('XADD', stream, '*', 'k', key, 't', now, 'd', message, 'm', memory)
      if not seen[stream] then
        seen[stream] = true
        call('ZADD', lanes(queue), -tonumber(priority) - (state and 0.5 or 0), member)
      end
      if state then call('ZREM', LEASES, key) end
      call('HSET', ATTEMPTS, key, 'q ' .. member .. ' ' .. entry .. ' ' .. queue)
      depths[queue] = depth + 1
      if not added[queue] then queues[#queues + 1] = queue end
      added[queue] = (added[queue] or 0) + 1
      call('HSET', DEPTH, queue, depth + 1)
    end
  end
  reply[#reply + 1] = refused
end
for _, queue in ipairs(queues) do serve(queue, added[queue]) end
return finish(reply)
