-- Registers a worker, or registers it again with the attempts that it still holds.
-- Atomic, so that its attempts always have a holder.
-- ARGV: session, the previous session ('' without one), id, queues as JSON, capacity (slots
-- and prefetch), labels as JSON, a name for a new incarnation, lease ms, redelivery ms, slots,
-- memory of one attempt (-1 if unknown), keys held.
local session, before, id = ARGV[1], ARGV[2], ARGV[3]
ensure_incarnation(ARGV[7], ARGV[8], ARGV[9])
expire_due()
local announced = {}
for at = 12, #ARGV do announced[ARGV[at]] = true end

local replaced = {}
local same_id = call('HGET', SESSIONS, id)
if same_id then replaced[#replaced + 1] = same_id end
if before ~= '' and before ~= same_id then replaced[#replaced + 1] = before end

call('HSET', base .. ':worker:' .. session, 'id', id, 'queues', ARGV[4], 'places', ARGV[5],
  'slots', ARGV[10], 'memory', ARGV[11], 'labels', ARGV[6], 'bound', ARGV[5], 'held', 0, 'paused', '0', 'wants', '0')
call('HSET', SESSIONS, id, session)
call('ZADD', REGISTRATIONS, now + lease, session)
workers[session] = nil
local worker = get_worker(session)
worker.counted = 0
count_serving(worker, 1)

-- The scheduler needs no notice of attempts that the worker keeps: they have started.
for _, old in ipairs(replaced) do
  local was = get_worker(old)
  if was then
    for _, key in ipairs(call('SMEMBERS', base .. ':held:' .. old)) do
      if announced[key] then
        set_held(old, key, false)
        set_held(session, key, true)
        put(attempts, key, 'c' .. session)
        set_score(LEASES, key, time(now + lease))
        was.held, worker.held = was.held - 1, worker.held + 1
      end
    end
    drop_worker(old)
  end
end

-- Takes announced attempts that are queued, that were lost with the state, or that have no
-- holder; not those that another worker holds or released, that were revoked, or reported.
read_ahead(attempts, ARGV, 12, 1)
for at = 12, #ARGV do
  local key = ARGV[at]
  local state = get(attempts, key)
  local other = holder(state)
  if other == NO_HOLDER then
    end_hold(key, NO_HOLDER)
    hold(key, session)
  elseif state and not other and state ~= RELEASED then
    unqueue(key, state)
    hold(key, session)
  elseif not state and not call('ZSCORE', FENCED, key) and not get(reports, key) then
    hold(key, session)
  end
end
risen = true
local renew = call('HGET', META, 'renew') or ''
return finish({'ok', incarnation, lease, renew, server_id()})
