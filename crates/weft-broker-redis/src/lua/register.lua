-- A worker is registered, anew where it was before, with what it still holds.
-- Atomic, so that what it held goes on under the new registration without a
-- moment in which it is nobody's.
-- ARGV: session, the session before ('' without one), id, queues as JSON, places,
-- labels as JSON, a name for a new incarnation, lease ms, redelivery ms, slots (of the
-- places), memory of one attempt (-1 where it isn't said), keys held.
local session, before, id = ARGV[1], ARGV[2], ARGV[3]
begin_incarnation(ARGV[7], ARGV[8], ARGV[9])
pass_time()
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

-- What it goes on holding needs no notice: the scheduler knows that it started.
for _, old in ipairs(replaced) do
  local was = get_worker(old)
  if was then
    for _, key in ipairs(call('SMEMBERS', base .. ':held:' .. old)) do
      if announced[key] then
        call('SMOVE', base .. ':held:' .. old, base .. ':held:' .. session, key)
        call('HSET', ATTEMPTS, key, 'c' .. session)
        call('ZADD', LEASES, now + lease, key)
        was.held, worker.held = was.held - 1, worker.held + 1
      end
    end
    drop_worker(old)
  end
end

-- What waits in a queue, what nobody knows since everything was lost, and what
-- nobody holds. Not what another one has or gave back, what was taken away, or what was
-- reported.
for at = 12, #ARGV do
  local key = ARGV[at]
  local state = call('HGET', ATTEMPTS, key)
  local other = holder(state)
  if other == NOBODY then
    unhold(key, NOBODY)
    hold(key, session)
  elseif state and not other and state ~= GIVEN_BACK then
    unqueue(key, state)
    hold(key, session)
  elseif not state and not call('ZSCORE', FENCED, key) and call('HEXISTS', REPORTS, key) == 0 then
    hold(key, session)
  end
end
risen = true
local renew = call('HGET', META, 'renew') or ''
return finish({'ok', incarnation, lease, renew, server_id()})
