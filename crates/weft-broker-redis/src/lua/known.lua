-- What is known of attempts, which is told to the scheduler again.
-- Atomic, so that what is answered and what is told are one state.
-- ARGV: epoch, incarnation, keys.
-- Answers, for each: '' unknown, 'c' claimed or given back, 'r' reported, or what waits: its
-- version and message with a space between.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
local reply = {'ok'}
for at = 3, #ARGV do
  local key = ARGV[at]
  local answer = ''
  local state = call('HGET', ATTEMPTS, key)
  local session = holder(state)
  if session then
    answer = 'c'
    local worker = session ~= NOBODY and get_worker(session)
    if worker then notify('S', key, 'w', worker.id) end
  elseif state == GIVEN_BACK then
    answer = 'c'
    notify('B', key)
  elseif state then
    local member, entry, queue = read_queued(state)
    local found = call('XRANGE', lane(queue, member), entry, entry)
    answer = string.match(member, ',(%d+)$') .. ' ' .. (found[1] and found[1][2][6] or '')
  end
  local report = call('HGET', REPORTS, key)
  if report then
    if answer == '' then answer = 'r' end
    call('ZADD', AGAIN, now + redeliver, key)
    notify_report(key, report)
  end
  reply[#reply + 1] = answer
end
return finish(reply)
