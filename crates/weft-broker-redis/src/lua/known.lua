-- The attempts that the broker knows, with a notice again for each.
-- Atomic, so that the answer and the notices show one state.
-- ARGV: epoch, incarnation, keys.
-- Answers, for each: '' unknown, 'c' claimed or released, 'r' reported, or for a queued one its
-- version and message with a space between.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
read_ahead(attempts, ARGV, 3, 1)
read_ahead(reports, ARGV, 3, 1)
local reply = {'ok'}
for at = 3, #ARGV do
  local key = ARGV[at]
  local answer = ''
  local state = get(attempts, key)
  local session = holder(state)
  if session then
    answer = 'c'
    local worker = session ~= NO_HOLDER and get_worker(session)
    if worker then notify('S', key, 'w', worker.id) end
  elseif state == RELEASED then
    answer = 'c'
    notify('B', key)
  elseif state then
    local member, entry, queue = parse_queued(state)
    local found = call('XRANGE', priority_stream(queue, member), entry, entry)
    answer = string.match(member, ',(%d+)$') .. ' ' .. (found[1] and found[1][2][6] or '')
  end
  local report = get(reports, key)
  if report then
    if answer == '' then answer = 'r' end
    set_score(AGAIN, key, time(now + redeliver))
    notify_report(key, report)
  end
  reply[#reply + 1] = answer
end
return finish(reply)
