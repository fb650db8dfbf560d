-- Hands attempts that nobody knows yet or that were given back to workers that wait for them,
-- and queues the others, as far as there is room.
-- Atomic, so that an attempt that is queued, claimed or reported meanwhile is
-- not queued twice, and a worker that waits is handed it, or woken for what it will find.
-- ARGV: epoch, incarnation, length of a queue, number of queues, version of the
-- messages, how many entries of notices may wait for the scheduler; then key, queue, priority,
-- message, memory of each.
-- Answers, for each: 0 taken or known, 1 the queue is full, 2 one queue too many.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
local most, most_queues, version = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- A longer message is left for the worker to fetch: an inbox is no place for it.
local LONGEST_HANDED = 65536
-- A claim that waits looks each second; one that has not for so long may be nobody's any more.
local ASKS_FOR = 2000
-- Workers that are tried in vain for what is published to a queue; others find it in the queue.
local MOST_PASSED_OVER = 32

local items, queues, fresh, depths = {}, {}, {}, {}
-- Attempts that were handed or queued: one that is named twice is no second one.
local is_placed = {}
local reply = {'ok'}
for at = 7, #ARGV, 5 do
  local key, queue, priority = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local again = call('HGET', ATTEMPTS, key)
  reply[#reply + 1] = 0
  if (not again or again == GIVEN_BACK) and call('HEXISTS', REPORTERS, key) == 0 then
    local item = {
      number = #reply, key = key, queue = queue, message = ARGV[at + 3], memory = ARGV[at + 4],
      -- What was given back goes before what waits with the same priority.
      again = again, rank = tonumber(priority) + (again and 0.5 or 0),
      lane = priority .. (again and 'b,' or ',') .. version,
    }
    items[#items + 1] = item
    if not fresh[queue] then
      queues[#queues + 1] = queue
      fresh[queue] = {}
      depths[queue] = tonumber(call('HGET', DEPTH, queue) or 0)
    end
    fresh[queue][#fresh[queue] + 1] = item
  end
end

-- Workers with room whose claim waits for a queue, and whether there may be more of them. What
-- this call has for them already is left out: they look by themselves then.
local function pop_waiting(queue, count)
  local sessions, able = call('SPOP', waiting(queue), count), {}
  for _, session in ipairs(sessions) do
    local worker = get_worker(session)
    if worker and room(worker) > 0 and not worker.woken and not worker.is_handed then
      able[#able + 1] = worker
    end
  end
  return able, #sessions == count
end

-- Wakes workers for what will be behind what waits in a queue.
local function wake_waiting(queue, count)
  local are_more = true
  while are_more and count > 0 do
    local able
    able, are_more = pop_waiting(queue, count)
    for _, worker in ipairs(able) do wake(worker) end
    count = count - #able
  end
end

-- What is published to queues where nothing waits.
local offers = {}
local are_ranked = false

-- The last ones go first.
local function rank_offers()
  if are_ranked then return end
  are_ranked = true
  for _, offered in pairs(offers) do
    table.sort(offered, function(one, other)
      if one.rank ~= other.rank then return one.rank < other.rank end
      return one.number > other.number
    end)
  end
end

local function asks(worker)
  return worker.asks ~= NO_CLAIM and now - worker.asked <= ASKS_FOR
end

-- Claims for a worker whose call waits, and puts what came of it into its inbox: the worker has
-- it after one hop. It is what the call would have claimed by itself now, and no more than asked.
local function hand(worker, share)
  rank_offers()
  local left = math.min(room(worker), worker.most, share)
  local head = table.concat({worker.session, worker.asks, lease, 0, version}, ' ') .. ' '
  for _, queue in ipairs(worker.reads >= version and worker.queues or {}) do
    local offered = offers[queue] or {}
    for at = #offered, 1, -1 do
      if left <= 0 then return end
      local item = offered[at]
      if is_placed[item.key] then
        table.remove(offered, at)
      -- What is too large for this worker is left to a larger one.
      elseif worker.memory < 0 or tonumber(item.memory) <= worker.memory then
        if #item.message > LONGEST_HANDED then
          if not worker.is_handed then wake(worker) end
          return
        end
        table.remove(offered, at)
        is_placed[item.key] = true
        hold(item.key, worker.session)
        signal(worker.id, 'h', head .. item.message)
        worker.is_handed, worker.asks = true, NO_CLAIM
        left = left - 1
      end
    end
  end
end

-- Brings what is published to a queue to workers that wait for it, in equal shares.
local function hand_out(queue)
  local offered, woken, passed_over, are_more = offers[queue], 0, {}, true
  while are_more and #offered > woken and #passed_over < MOST_PASSED_OVER do
    local able
    able, are_more = pop_waiting(queue, math.min(#offered - woken, MOST_PASSED_OVER))
    for at, worker in ipairs(able) do
      if asks(worker) then
        hand(worker, math.ceil((#offered - woken) / (#able - at + 1)))
      else
        wake(worker)
      end
      if worker.woken then
        woken = woken + 1
      elseif not worker.is_handed then
        passed_over[#passed_over + 1] = worker.session
      end
    end
  end
  -- Their claims wait on.
  if #passed_over > 0 then call('SADD', waiting(queue), unpack(passed_over)) end
end

-- Where the scheduler doesn't keep up, claims wait until it does.
local may_claim = call('XLEN', notices()) < tonumber(ARGV[6])
for _, queue in ipairs(queues) do
  if depths[queue] == 0 and may_claim then
    offers[queue] = fresh[queue]
  else
    wake_waiting(queue, math.min(#fresh[queue], most - depths[queue]))
  end
end
for _, queue in ipairs(queues) do
  if offers[queue] then hand_out(queue) end
end

local served, added, known_lanes = nil, {}, {}
for _, item in ipairs(items) do
  local queue = item.queue
  if not is_placed[item.key] then
    local depth = depths[queue]
    served = served or call('HLEN', DEPTH)
    if depth >= most then
      reply[item.number] = 1
    elseif depth == 0 and served >= most_queues then
      reply[item.number] = 2
    else
      local stream = lane(queue, item.lane)
      local entry = call('XADD', stream, '*', 'k', item.key, 't', time(now), 'd', item.message,
        'm', item.memory)
      if not known_lanes[stream] then
        known_lanes[stream] = true
        call('ZADD', lanes(queue), -item.rank, item.lane)
      end
      -- What was given back has had a time to be published again.
      if item.again then call('ZREM', LEASES, item.key) end
      call('HSET', ATTEMPTS, item.key, 'q ' .. item.lane .. ' ' .. entry .. ' ' .. queue)
      is_placed[item.key] = true
      if depth == 0 then served = served + 1 end
      depths[queue], added[queue] = depth + 1, true
    end
  end
end
for queue in pairs(added) do call('HSET', DEPTH, queue, depths[queue]) end
return finish(reply)
