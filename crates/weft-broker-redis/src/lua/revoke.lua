-- Takes attempts back: queued ones vanish, claimed ones are to be killed.
-- Atomic, so that none is claimed between the look and the removal.
-- ARGV: epoch, incarnation, keys.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
for at = 3, #ARGV do
  local key = ARGV[at]
  local state = call('HGET', ATTEMPTS, key)
  local session = holder(state)
  if session then
    local worker = session ~= NOBODY and get_worker(session)
    unhold(key, session)
    fence(key)
    risen = true
    if worker then signal(worker.id, 'r', key) end
  elseif state then
    unqueue(key, state)
  end
end
return finish({'ok'})
