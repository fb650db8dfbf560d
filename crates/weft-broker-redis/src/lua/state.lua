-- What every script shares: where things lie, and the changes that keep them whole.
--
-- Every script runs as one atomic step of one server, because all keys of a
-- shard share the hash tag of KEYS[1] and so lie in one slot. KEYS[1] is only
-- the beginning of the names; the others are made here, since which queue, worker
-- or registration is meant is known only after something was read.
--
-- What always holds between scripts: an attempt is queued, or claimed by one
-- registration, or neither; `held` of a registration counts its claims; `room`
-- and `serving` of a queue are sums over the registrations that serve it; `memory` of a
-- queue has the same registrations by what each can give one attempt; `depth` counts
-- what waits in it.

local base = KEYS[1]
local call = redis.call
local now = read_clock()

local META, ATTEMPTS, LEASES = base .. ':meta', base .. ':attempts', base .. ':leases'
local REPORTS, REPORTERS, AGAIN = base .. ':reports', base .. ':reporters', base .. ':again'
local FENCED = base .. ':fenced'
local SESSIONS, REGISTRATIONS = base .. ':sessions', base .. ':registrations'
local DEPTH, ROOM, SERVING = base .. ':depth', base .. ':room', base .. ':serving'

-- Attempts that were taken from workers and are remembered; the oldest go first.
local MOST_FENCED = 50000
-- Entries of a worker's inbox; the oldest go first. A lost confirmation is
-- repeated when the report comes again, a lost revocation is what a renewal says.
local MOST_SIGNALS = 20000
-- Leases, and registrations, that one script lets run out; the next one goes on.
local MOST_EXPIRED = 500
-- Notices in one entry of their stream, and bytes of what they say after which another one
-- begins: so few entries are never much for the scheduler to read at once.
local MOST_IN_ENTRY, MOST_ENTRY_BYTES = 64, 65536
-- Who holds an attempt that started before everything was lost, until its worker announces it.
local NOBODY = '-'
-- The state of an attempt that its worker gave back, until it is published again.
local GIVEN_BACK = 'b'
-- In the place of the name of a claim that waits.
local NO_CLAIM = '0'

local meta = call('HMGET', META, 'epoch', 'incarnation', 'lease', 'redeliver', 'weight')
local epoch, incarnation = meta[1], meta[2]
local lease, redeliver = tonumber(meta[3]), tonumber(meta[4])
-- What the shard counts for beside others, as its scheduler said last.
local weight = meta[5]

-- A time as commands take it. Redis writes numbers in a way that costs about as much as calling
-- a command, so a time that is said of many attempts is written once.
local written = {}
local function time(at)
  local text = written[at]
  if not text then
    text = string.format('%.0f', at)
    written[at] = text
  end
  return text
end

local workers = {}
local signals = {}
local risen, fences = false, false

-- What the scheduler is told. Where there is none nobody needs to be: one that
-- takes over asks for everything.
local function notices()
  return base .. ':notices:' .. epoch
end

-- Entries with notices one after another, each of which begins with its kind. They are
-- gathered, and written by `finish` in the order in which they were told.
local entries, last_entry = {}, nil

-- A notice of this kind, about an attempt or none, that says something more of this name or not.
local function notify(kind, key, name, value)
  if not epoch then return end
  local entry = last_entry
  if not entry or entry.count == MOST_IN_ENTRY or entry.bytes >= MOST_ENTRY_BYTES then
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

-- A registration, read once and written by `finish`.
local function get_worker(session)
  local known = workers[session]
  if known ~= nil then return known end
  local row = call('HMGET', base .. ':worker:' .. session,
    'id', 'queues', 'places', 'held', 'paused', 'wants', 'asks', 'most', 'reads', 'asked',
    'memory', 'bound')
  local worker = false
  if row[1] then
    worker = {
      id = row[1], queues = cjson.decode(row[2]), places = tonumber(row[3]),
      session = session, memory = tonumber(row[11] or '-1'),
      -- What it may hold of this shard while it holds others'.
      bound = tonumber(row[12] or row[3]),
      held = tonumber(row[4]), paused = row[5] == '1', wants = row[6] == '1',
      -- The claim that waits: its name, how much it takes, what it reads, when it looked last.
      asks = row[7] or NO_CLAIM,
      most = tonumber(row[8] or 0), reads = tonumber(row[9] or 0), asked = tonumber(row[10] or 0),
    }
    worker.was_held, worker.was_wanting = worker.held, worker.wants
    worker.was_asking = worker.asks
    worker.was_bound = worker.bound
    worker.counted = worker.paused and 0 or math.max(math.min(worker.places, worker.bound) - worker.held, 0)
  end
  workers[session] = worker
  return worker
end

local function room(worker)
  if worker.paused then return 0 end
  return math.max(worker.places - worker.held, 0)
end

-- A worker of several shards says how much it holds of the others; '' of one. Its queues are
-- kept shorter then; what it claims is its own matter.
local function bound(worker, others)
  if others ~= '' then worker.bound = worker.places - tonumber(others) end
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

-- A claim that waits may find something now, and looks by itself.
local function wake(worker)
  worker.wants, worker.asks = false, NO_CLAIM
  if not worker.woken then
    worker.woken = true
    signal(worker.id, 'w', '')
  end
end

local function release(session)
  local worker = session ~= NOBODY and get_worker(session)
  if worker then
    worker.held = worker.held - 1
    if worker.wants and not worker.paused then wake(worker) end
  end
end

local function hold(key, session)
  local worker = get_worker(session)
  worker.held = worker.held + 1
  call('HSET', ATTEMPTS, key, 'c' .. session)
  call('ZADD', LEASES, time(now + lease), key)
  call('SADD', base .. ':held:' .. session, key)
  notify('S', key, 'w', worker.id)
end

local function unhold(key, session)
  call('HDEL', ATTEMPTS, key)
  call('ZREM', LEASES, key)
  if session ~= NOBODY then call('SREM', base .. ':held:' .. session, key) end
  release(session)
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
  local state = call('HGET', ATTEMPTS, key)
  local session = holder(state)
  if state == GIVEN_BACK then
    -- Nobody published it again: nobody wants it.
    call('HDEL', ATTEMPTS, key)
    call('ZREM', LEASES, key)
  elseif session then
    unhold(key, session)
    notify('E', key)
    fence(key)
  else
    call('ZREM', LEASES, key)
  end
end

-- A lane is the stream of a queue for one priority and one version of messages.
local function lane(queue, member)
  return base .. ':queue:' .. member .. ':' .. queue
end

local function lanes(queue)
  return base .. ':lanes:' .. queue
end

-- Registrations whose claim waits for something in the queue.
local function waiting(queue)
  return base .. ':waiting:' .. queue
end

local function tidy(queue, member)
  local stream = lane(queue, member)
  if call('XLEN', stream) == 0 then
    call('DEL', stream)
    call('ZREM', lanes(queue), member)
  end
end

local function shallower(queue, by)
  if call('HINCRBY', DEPTH, queue, -by) <= 0 then call('HDEL', DEPTH, queue) end
end

-- The state of a queued attempt is 'q <lane> <entry> <queue>'.
local function read_queued(state)
  return string.match(state, '^q (%S+) (%S+) (.*)$')
end

-- What was given back stands in no queue.
local function unqueue(key, state)
  if state == GIVEN_BACK then
    call('HDEL', ATTEMPTS, key)
    call('ZREM', LEASES, key)
    return
  end
  local member, entry, queue = read_queued(state)
  call('XDEL', lane(queue, member), entry)
  tidy(queue, member)
  shallower(queue, 1)
  call('HDEL', ATTEMPTS, key)
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

-- What the largest worker of a queue can give one attempt; -1 where one of them doesn't say.
local function largest(queue, serving)
  if serving == 0 or call('ZCARD', memories(queue)) < serving then return '-1' end
  return call('ZRANGE', memories(queue), 0, 0, 'REV', 'WITHSCORES')[2]
end

local function wanted(worker)
  if worker.paused then return 0 end
  return math.max(math.min(worker.places, worker.bound) - worker.held, 0)
end

local function count_room(worker)
  local by = wanted(worker) - worker.counted
  if by ~= 0 then
    worker.counted = worker.counted + by
    for _, queue in ipairs(worker.queues) do
      if call('HINCRBY', ROOM, queue, by) == 0 then call('HDEL', ROOM, queue) end
    end
  end
end

local function read_numbers(hash)
  local flat, numbers = call('HGETALL', hash), {}
  for at = 1, #flat, 2 do numbers[flat[at]] = tonumber(flat[at + 1]) end
  return numbers
end

-- Every queue that is served or holds something: its name, what waits, how many
-- its workers could take, how many they are.
local function each_queue(visit)
  local depth, free, serving = read_numbers(DEPTH), read_numbers(ROOM), read_numbers(SERVING)
  local function show(queue)
    visit(queue, depth[queue] or 0, free[queue] or 0, serving[queue] or 0)
  end
  for queue in pairs(serving) do show(queue) end
  for queue in pairs(depth) do
    if not serving[queue] then show(queue) end
  end
end

-- The registration ends; what it held is given back.
local function drop_worker(session)
  call('ZREM', REGISTRATIONS, session)
  local worker = get_worker(session)
  if not worker then return end
  for _, key in ipairs(call('SMEMBERS', base .. ':held:' .. session)) do expire(key) end
  if not worker.paused then count_serving(worker, -1) end
  worker.paused = true
  count_room(worker)
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

-- What time does. Renewals only move leases away, so the earliest are looked at.
local function pass_time()
  for _, key in ipairs(call('ZRANGE', LEASES, '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_EXPIRED)) do
    expire(key)
  end
  for _, session in ipairs(call('ZRANGE', REGISTRATIONS, '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_EXPIRED)) do
    drop_worker(session)
  end
end

-- Writes what was changed in passing. What a script does last, whatever it answers.
local function finish(reply)
  for session, worker in pairs(workers) do
    if worker then
      count_room(worker)
      if worker.held ~= worker.was_held or worker.wants ~= worker.was_wanting then
        call('HSET', base .. ':worker:' .. session,
          'held', worker.held, 'wants', worker.wants and '1' or '0')
      end
      if worker.bound ~= worker.was_bound then
        call('HSET', base .. ':worker:' .. session, 'bound', worker.bound)
      end
      if worker.asks ~= worker.was_asking then
        call('HSET', base .. ':worker:' .. session, 'asks', worker.asks)
      end
    end
  end
  for id, list in pairs(signals) do
    call('XADD', base .. ':inbox:' .. id, 'MAXLEN', '~', MOST_SIGNALS, '*', unpack(list))
  end
  if fences then call('ZREMRANGEBYRANK', FENCED, 0, -MOST_FENCED - 1) end
  if risen then notify('D') end
  for _, entry in ipairs(entries) do call('XADD', notices(), '*', unpack(entry, 1, entry.words)) end
  return reply
end

-- The registration that calls, which the call prolongs; none where it isn't known.
-- What has run out by now is lost, the caller's own leases included.
local function caller(session)
  pass_time()
  local worker = get_worker(session)
  if worker then call('ZADD', REGISTRATIONS, now + lease, session) end
  return worker
end

-- Whether the scheduler that calls is the one that counts: nothing, or why not.
local function refuse_scheduler(its_epoch, its_incarnation)
  if epoch and tonumber(epoch) > tonumber(its_epoch) then return {'deposed'} end
  if epoch ~= its_epoch or incarnation ~= its_incarnation then return {'lost'} end
  return nil
end

-- Names a Redis that knows nothing yet.
local function begin_incarnation(name, lease_ms, redeliver_ms)
  if not incarnation then
    incarnation, lease, redeliver = name, tonumber(lease_ms), tonumber(redeliver_ms)
    call('HSET', META, 'incarnation', name, 'born', now, 'lease', lease_ms,
      'redeliver', redeliver_ms, 'layout', 1)
  end
end

-- Which server answers: another one after a failover, which may have lost writes.
local function server_id()
  return string.match(call('INFO', 'server'), 'run_id:(%x+)') or ''
end
