-- The part that all scripts share: the keys, and the changes that keep them consistent.
--
-- Every script runs as one atomic step of one server, because all keys of a
-- shard share the hash tag of KEYS[1] and so are in one hash slot. KEYS[1] is the shard's `meta`,
-- and the other names are composed here, since a script learns the queue, worker or registration
-- only from what it reads.
--
-- Invariants between scripts: an attempt is queued, or claimed by one registration, or
-- neither; `held` of a registration counts its claims; `room` (free slots) and `serving` of
-- a queue are sums over the registrations that serve it; `memory` of a queue has the same
-- registrations by the memory that each can give one attempt; `depth` counts the attempts
-- in the queue.

local base = string.sub(KEYS[1], 1, -6)
local call = redis.call

local META, ATTEMPTS, LEASES = base .. ':meta', base .. ':attempts', base .. ':leases'
local REPORTS, REPORTERS, AGAIN = base .. ':reports', base .. ':reporters', base .. ':again'
local FENCED = base .. ':fenced'
local SESSIONS, REGISTRATIONS = base .. ':sessions', base .. ':registrations'
local DEPTH, FREE_SLOTS, SERVING = base .. ':depth', base .. ':room', base .. ':serving'

-- Attempts that workers lost; beyond it the oldest are forgotten.
local MAX_FENCED = 50000
-- Entries of a worker's inbox; beyond it the oldest are dropped. A dropped confirmation is
-- repeated when the report is sent again, a dropped revocation shows in the next renewal.
local MAX_SIGNALS = 20000
-- Leases, and registrations, that one script expires; the next script continues.
local MAX_EXPIRED = 500
-- Notices of one stream entry, and the bytes after which another entry begins: they bound
-- what the scheduler reads at once.
local MAX_NOTICES_PER_ENTRY, MAX_ENTRY_BYTES = 64, 65536
-- The most queues whose demand is sent with notices; beyond it the scheduler asks.
local MAX_NOTICED_QUEUES = 32
-- The holder of an attempt that started before a loss, until its worker announces it.
local NO_HOLDER = '-'
-- The state of an attempt that its worker released, until it is published again.
local RELEASED = 'b'
-- The id of no claim waiter.
local NO_WAITER = '0'

-- How far time may advance between two scripts, in ms: a scheduler calls one each second. What the
-- server's clock jumped beyond it is left out, so that no lease ends by a jump.
local MAX_ADVANCE = 2000
-- How often the clock is stored, in ms: a jump back by less delays an expiry by as much.
local STORE_CLOCK_EVERY = 250

local meta = call('HMGET', META, 'epoch', 'incarnation', 'lease', 'redeliver', 'weight', 'publishes',
  'clock', 'offset', 'due')
local epoch, incarnation = meta[1], meta[2]
local lease, redeliver = tonumber(meta[3]), tonumber(meta[4])
-- The shard's weight, by which workers divide their claims among shards.
local weight = meta[5]
-- How often the scheduler published, by which it knows a demand that is older than its last call.
local publishes = tonumber(meta[6] or 0)

-- When the next lease or registration may expire, at the earliest.
local due = tonumber(meta[9])

-- The time of the leases: the server's clock without its jumps.
local function advance_clock()
  local clock, offset = read_clock(), tonumber(meta[8] or 0)
  local seen = tonumber(meta[7] or clock)
  local advance = math.max(0, math.min(clock - seen, MAX_ADVANCE))
  local jump = clock - seen - advance
  offset = offset - jump
  if incarnation and (jump ~= 0 or not meta[7] or advance >= STORE_CLOCK_EVERY) then
    call('HSET', META, 'clock', string.format('%.0f', clock), 'offset', string.format('%.0f', offset))
  end
  return clock + offset + moved()
end
local now = advance_clock()

-- A time as text. Redis formats numbers at about the cost of a command, so the time of many
-- attempts is formatted once.
local written = {}
local function time(at)
  local text = written[at]
  if not text then
    text = string.format('%.0f', at)
    written[at] = text
  end
  return text
end

-- What a script changes is written by `flush`, with one command for all changes of a key: Redis
-- executes a command with a hundred changes in little more time than one with a single change.

-- The most arguments of one such command; Lua can't pass many more.
local MAX_ARGUMENTS = 2000

local function call_in_parts(command, key, arguments)
  for at = 1, #arguments, MAX_ARGUMENTS do
    call(command, key, unpack(arguments, at, math.min(at + MAX_ARGUMENTS - 1, #arguments)))
  end
end

-- A hash by fields: what was read of it (false where there is no such field), and what is to be
-- written (false to delete the field).
local function new_hash(key)
  return {key = key, known = {}, pending = {}}
end
local attempts, reports, reporters = new_hash(ATTEMPTS), new_hash(REPORTS), new_hash(REPORTERS)

local function get(hash, field)
  local value = hash.pending[field]
  if value == nil then value = hash.known[field] end
  if value == nil then
    value = call('HGET', hash.key, field)
    hash.known[field] = value
  end
  return value
end

-- Reads the fields that are `step` apart in a list, from this position on.
local function read_ahead(hash, list, from, step)
  local fields = {}
  for at = from, #list, step do fields[#fields + 1] = list[at] end
  for at = 1, #fields, MAX_ARGUMENTS do
    local last = math.min(at + MAX_ARGUMENTS - 1, #fields)
    local values = call('HMGET', hash.key, unpack(fields, at, last))
    for offset = 0, last - at do hash.known[fields[at + offset]] = values[offset + 1] end
  end
end

local function put(hash, field, value)
  hash.pending[field] = value
end

local function flush_hash(hash)
  if not next(hash.pending) then return end
  local added, removed = {}, {}
  for field, value in pairs(hash.pending) do
    if value then
      added[#added + 1], added[#added + 2] = field, value
    elseif hash.known[field] ~= false then
      removed[#removed + 1] = field
    end
    hash.known[field] = value
  end
  hash.pending = {}
  call_in_parts('HSET', hash.key, added)
  call_in_parts('HDEL', hash.key, removed)
end

-- Scores of sorted sets to be written, by set and member; false removes the member.
local scores = {[LEASES] = {}, [AGAIN] = {}}

local function set_score(set, member, score)
  scores[set][member] = score
end

local function flush_scores(set)
  local added, removed = {}, {}
  for member, score in pairs(scores[set]) do
    if score then
      added[#added + 1], added[#added + 2] = score, member
    else
      removed[#removed + 1] = member
    end
  end
  scores[set] = {}
  call_in_parts('ZADD', set, added)
  call_in_parts('ZREM', set, removed)
end

-- What registrations come to hold (true) and no longer hold (false).
local holdings = {}

local function set_held(session, key, is_held)
  local holding = holdings[session]
  if not holding then
    holding = {}
    holdings[session] = holding
  end
  holding[key] = is_held
end

local function flush_holdings()
  for session, holding in pairs(holdings) do
    local added, removed = {}, {}
    for key, is_held in pairs(holding) do
      local list = is_held and added or removed
      list[#list + 1] = key
    end
    call_in_parts('SADD', base .. ':held:' .. session, added)
    call_in_parts('SREM', base .. ':held:' .. session, removed)
  end
  holdings = {}
end

-- Writes the changes so far. What reads these keys without `get` calls it first.
local function flush()
  flush_hash(attempts)
  flush_hash(reports)
  flush_hash(reporters)
  flush_scores(LEASES)
  flush_scores(AGAIN)
  flush_holdings()
end

local workers = {}
local signals = {}
local risen, fences = false, false

-- The stream of notices. Without a scheduler there is none: the scheduler that takes over
-- reconciles everything.
local function notices()
  return base .. ':notices:' .. epoch
end

-- Entries with notices one after another, each of which begins with its kind; `finish`
-- writes them in order.
local entries, last_entry = {}, nil
-- Whether one of them may let the scheduler dispatch: what ends or returns does, a start does not.
local may_dispatch = false

-- Adds a notice of this kind; the attempt's key, and one more field, are optional.
local function notify(kind, key, name, value)
  if not epoch then return end
  may_dispatch = may_dispatch or kind ~= 'S'
  local entry = last_entry
  if not entry or entry.count == MAX_NOTICES_PER_ENTRY or entry.bytes >= MAX_ENTRY_BYTES then
    entry = {count = 0, words = 0, bytes = 0}
    last_entry, entries[#entries + 1] = entry, entry
  end
  local at = entry.words
  entry[at + 1], entry[at + 2] = 'k', kind
  if key then
    entry[at + 3], entry[at + 4], at = 'a', key, at + 2
  end
  if name then
    entry[at + 3], entry[at + 4], at = name, value, at + 2
    entry.bytes = entry.bytes + #value
  end
  entry.count, entry.words = entry.count + 1, at + 2
end

local function notify_report(key, report)
  notify('F', key, 'r', report)
end

-- A registration; it is read once, and `finish` writes it.
local function get_worker(session)
  local known = workers[session]
  if known ~= nil then return known end
  local row = call('HMGET', base .. ':worker:' .. session,
    'id', 'queues', 'places', 'held', 'paused', 'wants', 'asks', 'most', 'reads', 'asked',
    'memory', 'bound')
  local worker = false
  if row[1] then
    worker = {
      id = row[1], queues = cjson.decode(row[2]), capacity = tonumber(row[3]),
      session = session, memory = tonumber(row[11] or '-1'),
      -- What it may hold of this shard, given what it holds of the others.
      bound = tonumber(row[12] or row[3]),
      held = tonumber(row[4]), paused = row[5] == '1', wants_wakeup = row[6] == '1',
      -- The claim waiter: its id, how much may be pushed to it, the newest message version that
      -- it reads, when it called last.
      waiter = row[7] or NO_WAITER,
      max_pushed = tonumber(row[8] or 0), max_version = tonumber(row[9] or 0), waiting_since = tonumber(row[10] or 0),
    }
    worker.was_held, worker.wanted_wakeup = worker.held, worker.wants_wakeup
    worker.previous_waiter = worker.waiter
    worker.was_bound = worker.bound
    worker.counted = worker.paused and 0 or math.max(math.min(worker.capacity, worker.bound) - worker.held, 0)
  end
  workers[session] = worker
  return worker
end

local function free_slots(worker)
  if worker.paused then return 0 end
  return math.max(worker.capacity - worker.held, 0)
end

-- A worker of several shards tells how much it holds of the others ('' for a single shard).
-- That shortens its queues; it does not limit its claims.
local function set_bound(worker, others)
  if others ~= '' then worker.bound = worker.capacity - tonumber(others) end
end

-- Deletes the entries of the worker's inbox before this one, whose signals it has taken.
local function trim_inbox(worker, entry)
  if entry ~= '' then call('XTRIM', base .. ':inbox:' .. worker.id, 'MINID', entry) end
end

local function signal(id, kind, key)
  local list = signals[id]
  if not list then
    list = {}
    signals[id] = list
  end
  list[#list + 1] = kind
  list[#list + 1] = key
end

-- Wakes a waiting claim, which then calls again.
local function wake(worker)
  worker.wants_wakeup, worker.waiter = false, NO_WAITER
  if not worker.woken then
    worker.woken = true
    signal(worker.id, 'w', '')
  end
end

local function free_slot(session)
  local worker = session ~= NO_HOLDER and get_worker(session)
  if worker then
    worker.held = worker.held - 1
    if worker.wants_wakeup and not worker.paused then wake(worker) end
  end
end

local function hold(key, session)
  local worker = get_worker(session)
  worker.held = worker.held + 1
  put(attempts, key, 'c' .. session)
  set_score(LEASES, key, time(now + lease))
  set_held(session, key, true)
  notify('S', key, 'w', worker.id)
end

local function end_hold(key, session)
  put(attempts, key, false)
  set_score(LEASES, key, false)
  if session ~= NO_HOLDER then set_held(session, key, false) end
  free_slot(session)
end

local function fence(key)
  fences = true
  call('ZADD', FENCED, now, key)
end

local function holder(state)
  if state and string.sub(state, 1, 1) == 'c' then return string.sub(state, 2) end
  return nil
end

local function expire(key)
  local state = get(attempts, key)
  local session = holder(state)
  if state == RELEASED then
    -- The scheduler did not publish it again, so it is forgotten.
    put(attempts, key, false)
    set_score(LEASES, key, false)
  elseif session then
    end_hold(key, session)
    notify('E', key)
    fence(key)
  else
    set_score(LEASES, key, false)
  end
end

-- The stream of a queue for one priority and one message version.
local function priority_stream(queue, member)
  return base .. ':queue:' .. member .. ':' .. queue
end

local function priority_streams(queue)
  return base .. ':lanes:' .. queue
end

-- Registrations whose claim waits for the queue.
local function waiting(queue)
  return base .. ':waiting:' .. queue
end

local function drop_empty_stream(queue, member)
  local stream = priority_stream(queue, member)
  if call('XLEN', stream) == 0 then
    call('DEL', stream)
    call('ZREM', priority_streams(queue), member)
  end
end

local function reduce_depth(queue, by)
  if call('HINCRBY', DEPTH, queue, -by) <= 0 then call('HDEL', DEPTH, queue) end
end

-- The state of a queued attempt is 'q <stream> <entry> <queue>'.
local function parse_queued(state)
  return string.match(state, '^q (%S+) (%S+) (.*)$')
end

-- A released attempt is in no queue.
local function unqueue(key, state)
  put(attempts, key, false)
  if state == RELEASED then
    set_score(LEASES, key, false)
    return
  end
  local member, entry, queue = parse_queued(state)
  call('XDEL', priority_stream(queue, member), entry)
  drop_empty_stream(queue, member)
  reduce_depth(queue, 1)
  risen = true
end

local function memories(queue)
  return base .. ':memory:' .. queue
end

local function count_serving(worker, by)
  for _, queue in ipairs(worker.queues) do
    if call('HINCRBY', SERVING, queue, by) <= 0 then
      call('HDEL', SERVING, queue)
    end
    if by < 0 then
      call('ZREM', memories(queue), worker.session)
    elseif worker.memory >= 0 then
      call('ZADD', memories(queue), worker.memory, worker.session)
    end
  end
end

-- The memory that the queue's largest worker can give one attempt; -1 if one is unknown.
local function largest(queue, serving)
  if serving == 0 or call('ZCARD', memories(queue)) < serving then return '-1' end
  return call('ZRANGE', memories(queue), 0, 0, 'REV', 'WITHSCORES')[2]
end

local function demand_of(worker)
  if worker.paused then return 0 end
  return math.max(math.min(worker.capacity, worker.bound) - worker.held, 0)
end

local function count_free_slots(worker)
  local by = demand_of(worker) - worker.counted
  if by ~= 0 then
    worker.counted = worker.counted + by
    for _, queue in ipairs(worker.queues) do
      if call('HINCRBY', FREE_SLOTS, queue, by) == 0 then call('HDEL', FREE_SLOTS, queue) end
    end
  end
end

local function read_numbers(hash)
  local flat, numbers = call('HGETALL', hash), {}
  for at = 1, #flat, 2 do numbers[flat[at]] = tonumber(flat[at + 1]) end
  return numbers
end

-- Visits every queue that is served or not empty: its name, depth, free slots and workers.
local function each_queue(visit)
  local depth, free, serving = read_numbers(DEPTH), read_numbers(FREE_SLOTS), read_numbers(SERVING)
  local function show(queue)
    visit(queue, depth[queue] or 0, free[queue] or 0, serving[queue] or 0)
  end
  for queue in pairs(serving) do show(queue) end
  for queue in pairs(depth) do
    if not serving[queue] then show(queue) end
  end
end

-- The demand, flat: for each queue that is served or not empty its name, free slots, depth,
-- workers, and the largest worker's memory (-1 if unknown).
local function read_demand()
  local flat = {}
  each_queue(function(queue, waiting, free, serving)
    for _, value in ipairs({queue, free, waiting, serving, largest(queue, serving)}) do
      flat[#flat + 1] = value
    end
  end)
  return flat
end

-- Ends the registration; what it held expires.
local function drop_worker(session)
  call('ZREM', REGISTRATIONS, session)
  local worker = get_worker(session)
  if not worker then return end
  flush()
  local held = call('SMEMBERS', base .. ':held:' .. session)
  read_ahead(attempts, held, 1, 1)
  for _, key in ipairs(held) do expire(key) end
  flush()
  if not worker.paused then count_serving(worker, -1) end
  worker.paused = true
  count_free_slots(worker)
  for _, queue in ipairs(worker.queues) do
    call('SREM', waiting(queue), session)
  end
  if call('HGET', SESSIONS, worker.id) == session then
    call('HDEL', SESSIONS, worker.id)
    call('DEL', base .. ':inbox:' .. worker.id)
    signals[worker.id] = nil
  end
  call('DEL', base .. ':worker:' .. session, base .. ':held:' .. session)
  workers[session] = false
end

-- Expires due leases and registrations. Renewals only move leases into the future, so it
-- reads the earliest ones. What is added later is due a lease later, so `due` is stored, and nothing
-- is read before it.
local function expire_due()
  if due and now < due then return end
  local expired = call('ZRANGE', LEASES, '-inf', now, 'BYSCORE', 'LIMIT', 0, MAX_EXPIRED)
  read_ahead(attempts, expired, 1, 1)
  for _, key in ipairs(expired) do expire(key) end
  for _, session in ipairs(call('ZRANGE', REGISTRATIONS, '-inf', now, 'BYSCORE', 'LIMIT', 0, MAX_EXPIRED)) do
    drop_worker(session)
  end
  if not incarnation then return end
  flush()
  due = now + lease
  for _, set in ipairs({LEASES, REGISTRATIONS}) do
    local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')
    if first[2] then due = math.min(due, tonumber(first[2])) end
  end
  call('HSET', META, 'due', time(due))
end

-- Writes the collected changes. Every script calls it last.
local function finish(reply)
  flush()
  for session, worker in pairs(workers) do
    if worker then
      count_free_slots(worker)
      if worker.held ~= worker.was_held or worker.wants_wakeup ~= worker.wanted_wakeup then
        call('HSET', base .. ':worker:' .. session,
          'held', worker.held, 'wants', worker.wants_wakeup and '1' or '0')
      end
      if worker.bound ~= worker.was_bound then
        call('HSET', base .. ':worker:' .. session, 'bound', worker.bound)
      end
      if worker.waiter ~= worker.previous_waiter then
        call('HSET', base .. ':worker:' .. session, 'asks', worker.waiter)
      end
    end
  end
  for id, list in pairs(signals) do
    call('XADD', base .. ':inbox:' .. id, 'MAXLEN', '~', MAX_SIGNALS, '*', unpack(list))
  end
  if fences then call('ZREMRANGEBYRANK', FENCED, 0, -MAX_FENCED - 1) end
  -- The scheduler's next question is for the demand, so the answer travels with the notices.
  if risen or may_dispatch then
    if call('HLEN', SERVING) + call('HLEN', DEPTH) > MAX_NOTICED_QUEUES then
      notify('D')
    else
      local demand = read_demand()
      demand[#demand + 1] = publishes
      notify('D', nil, 'd', cjson.encode(demand))
    end
  end
  for _, entry in ipairs(entries) do call('XADD', notices(), '*', unpack(entry, 1, entry.words)) end
  return reply
end

-- The calling registration, which the call extends; nil if it is unknown. Due leases expire
-- first, the caller's own included.
local function caller(session)
  expire_due()
  local worker = get_worker(session)
  if worker then call('ZADD', REGISTRATIONS, now + lease, session) end
  return worker
end

-- Removes the confirmed reports whose keys are the script's arguments from `from` to `to`, and
-- signals their workers.
local function confirm_reports(from, to)
  local keys = {unpack(ARGV, from, to)}
  read_ahead(reporters, keys, 1, 1)
  local is_registered = {}
  for _, key in ipairs(keys) do
    local ids = get(reporters, key)
    if ids then
      put(reports, key, false)
      put(reporters, key, false)
      set_score(AGAIN, key, false)
      for _, id in ipairs(cjson.decode(ids)) do
        if is_registered[id] == nil then is_registered[id] = call('HEXISTS', SESSIONS, id) == 1 end
        if is_registered[id] then signal(id, 'c', key) end
      end
    end
  end
end

-- nil if the calling scheduler is the current one, otherwise the answer that refuses it.
local function check_scheduler(its_epoch, its_incarnation)
  if epoch and tonumber(epoch) > tonumber(its_epoch) then return {'deposed'} end
  if epoch ~= its_epoch or incarnation ~= its_incarnation then return {'lost'} end
  return nil
end

-- Starts an incarnation in an empty Redis.
local function ensure_incarnation(name, lease_ms, redeliver_ms)
  if not incarnation then
    incarnation, lease, redeliver = name, tonumber(lease_ms), tonumber(redeliver_ms)
    call('HSET', META, 'incarnation', name, 'born', now, 'lease', lease_ms,
      'redeliver', redeliver_ms, 'layout', 1)
  end
end

-- The id of the answering server: after a failover another one, which may have lost writes.
local function server_id()
  return string.match(call('INFO', 'server'), 'run_id:(%x+)') or ''
end
