-- Removes confirmed reports and signals their workers.
-- Atomic, so that a report that is sent again meanwhile is either removed with the first or
-- delivered again, never stored without a notice.
-- ARGV: epoch, incarnation, keys.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
local sessions = {}
for at = 3, #ARGV do
  local key = ARGV[at]
  local reporters = call('HGET', REPORTERS, key)
  if reporters then
    call('HDEL', REPORTS, key)
    call('HDEL', REPORTERS, key)
    call('ZREM', AGAIN, key)
    for _, id in ipairs(cjson.decode(reporters)) do
      if sessions[id] == nil then sessions[id] = call('HEXISTS', SESSIONS, id) == 1 end
      if sessions[id] then signal(id, 'c', key) end
    end
  end
end
return finish({'ok'})
