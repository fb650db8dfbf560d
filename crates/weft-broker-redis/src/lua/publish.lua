-- Publishes new and released attempts: claims them for workers that wait, and queues the
-- others up to the queue's bound. Confirms reports as `confirm` does.
-- Atomic, so that an attempt that is queued, claimed or reported meanwhile is not queued
-- twice, and a waiting worker gets a pushed claim or a wake-up.
-- ARGV: epoch, incarnation, most attempts of a queue, most queues, version of the messages,
-- most entries in the stream of notices, the last committed turns ('' without any), the number of
-- confirmed reports, their keys; then key, queue, priority, message, memory of each attempt.
-- Answers the number of this publish; then, for each, 0 published or known, 1 the queue is full,
-- 2 one queue too many.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
local confirmed = tonumber(ARGV[8])
confirm_reports(9, 8 + confirmed)
local FIRST = 9 + confirmed
local most, most_queues, version = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- A longer message is not pushed: the worker is woken and claims it.
local MAX_PUSHED_BYTES = 65536
-- A waiting claim calls each second; after this long without a call it may be abandoned.
local WAITER_LIFETIME_MS = 2000
-- Waiting workers of a queue that may be skipped because nothing fits them.
local MAX_SKIPPED = 32

local items, queues, fresh, depths = {}, {}, {}, {}
-- Attempts that were pushed or queued; a repeated key is ignored.
local is_placed = {}
publishes = publishes + 1
if ARGV[7] == '' then
  call('HSET', META, 'publishes', publishes)
else
  call('HSET', META, 'publishes', publishes, 'turns', ARGV[7])
end
local reply = {'ok', publishes}
read_ahead(attempts, ARGV, FIRST, 5)
read_ahead(reporters, ARGV, FIRST, 5)
for at = FIRST, #ARGV, 5 do
  local key, queue, priority = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local again = get(attempts, key)
  reply[#reply + 1] = 0
  if (not again or again == RELEASED) and not get(reporters, key) then
    local item = {
      number = #reply, key = key, queue = queue, message = ARGV[at + 3], memory = ARGV[at + 4],
      -- A released attempt goes before the others of its priority.
      again = again, rank = tonumber(priority) + (again and 0.5 or 0),
      stream = priority .. (again and 'b,' or ',') .. version,
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

-- Workers with free slots whose claim waits for a queue, and whether there may be more of
-- them. Workers that this call has woken or pushed to are left out.
local function pop_waiting(queue, count)
  local sessions, able = call('SPOP', waiting(queue), count), {}
  for _, session in ipairs(sessions) do
    local worker = get_worker(session)
    if worker and free_slots(worker) > 0 and not worker.woken and not worker.has_pushed then
      able[#able + 1] = worker
    end
  end
  return able, #sessions == count
end

-- Wakes workers for attempts behind others in a queue.
local function wake_waiting(queue, count)
  local are_more = true
  while are_more and count > 0 do
    local able
    able, are_more = pop_waiting(queue, count)
    for _, worker in ipairs(able) do wake(worker) end
    count = count - #able
  end
end

-- What is published to empty queues.
local offers = {}
local are_ranked = false

-- Sorts the offers; the last ones go first.
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

local function is_waiting(worker)
  return worker.waiter ~= NO_WAITER and now - worker.waiting_since <= WAITER_LIFETIME_MS
end

-- Claims for a waiting worker and writes the claims to its inbox, which saves a round trip.
-- The claims are those that its own call would make now, and no more than it asked for.
local function push_to(worker, share)
  rank_offers()
  local left = math.min(free_slots(worker), worker.max_pushed, share)
  local head = table.concat({worker.session, worker.waiter, lease, 0, version}, ' ') .. ' '
  for _, queue in ipairs(worker.max_version >= version and worker.queues or {}) do
    local offered = offers[queue] or {}
    for at = #offered, 1, -1 do
      if left <= 0 then return end
      local item = offered[at]
      if is_placed[item.key] then
        table.remove(offered, at)
      -- Attempts too large for this worker stay for a larger one.
      elseif worker.memory < 0 or tonumber(item.memory) <= worker.memory then
        if #item.message > MAX_PUSHED_BYTES then
          if not worker.has_pushed then wake(worker) end
          return
        end
        table.remove(offered, at)
        is_placed[item.key] = true
        hold(item.key, worker.session)
        signal(worker.id, 'h', head .. item.message)
        worker.has_pushed, worker.waiter = true, NO_WAITER
        left = left - 1
      end
    end
  end
end

-- Pushes what is published to a queue to its waiting workers, in equal shares.
local function push_claims(queue)
  local offered, woken, skipped, are_more = offers[queue], 0, {}, true
  while are_more and #offered > woken and #skipped < MAX_SKIPPED do
    local able
    able, are_more = pop_waiting(queue, math.min(#offered - woken, MAX_SKIPPED))
    for at, worker in ipairs(able) do
      if is_waiting(worker) then
        push_to(worker, math.ceil((#offered - woken) / (#able - at + 1)))
      else
        wake(worker)
      end
      if worker.woken then
        woken = woken + 1
      elseif not worker.has_pushed then
        skipped[#skipped + 1] = worker.session
      end
    end
  end
  -- The skipped claims keep waiting.
  if #skipped > 0 then call('SADD', waiting(queue), unpack(skipped)) end
end

-- While the scheduler has too many unread notices, claims wait.
local may_claim = call('XLEN', notices()) < tonumber(ARGV[6])
for _, queue in ipairs(queues) do
  if depths[queue] == 0 and may_claim then
    offers[queue] = fresh[queue]
  else
    wake_waiting(queue, math.min(#fresh[queue], most - depths[queue]))
  end
end
for _, queue in ipairs(queues) do
  if offers[queue] then push_claims(queue) end
end

local served, added, known_streams = nil, {}, {}
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
      local stream = priority_stream(queue, item.stream)
      local entry = call('XADD', stream, '*', 'k', item.key, 't', time(now), 'd', item.message,
        'm', item.memory)
      if not known_streams[stream] then
        known_streams[stream] = true
        call('ZADD', priority_streams(queue), -item.rank, item.stream)
      end
      -- A released attempt had a deadline for its next publishing.
      if item.again then set_score(LEASES, item.key, false) end
      put(attempts, item.key, 'q ' .. item.stream .. ' ' .. entry .. ' ' .. queue)
      is_placed[item.key] = true
      if depth == 0 then served = served + 1 end
      depths[queue], added[queue] = depth + 1, true
    end
  end
end
for queue in pairs(added) do call('HSET', DEPTH, queue, depths[queue]) end
return finish(reply)
