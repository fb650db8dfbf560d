-- Revokes attempts: removes queued ones, and signals the workers of claimed ones.
-- Atomic, so that none is claimed between the check and the removal.
-- ARGV: epoch, incarnation, keys.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
read_ahead(attempts, ARGV, 3, 1)
for at = 3, #ARGV do
  local key = ARGV[at]
  local state = get(attempts, key)
  local session = holder(state)
  if session then
    local worker = session ~= NO_HOLDER and get_worker(session)
    end_hold(key, session)
    fence(key)
    risen = true
    if worker then signal(worker.id, 'r', key) end
  elseif state then
    unqueue(key, state)
  end
end
return finish({'ok'})
