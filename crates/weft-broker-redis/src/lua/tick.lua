-- Expires due leases and delivers unconfirmed reports again.
-- Atomic, so that a report that is confirmed meanwhile is not delivered again.
-- ARGV: epoch, incarnation, most reports to deliver again, the shard's weight, the last committed
-- turns ('' without any).
-- Answers the id of the server, and in how many ms something falls due (-1: nothing).
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
if weight ~= ARGV[4] then call('HSET', META, 'weight', ARGV[4]) end
if ARGV[5] and ARGV[5] ~= '' then call('HSET', META, 'turns', ARGV[5]) end
local again = call('ZRANGE', AGAIN, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])
read_ahead(reports, again, 1, 1)
for _, key in ipairs(again) do
  local report = get(reports, key)
  if report then
    set_score(AGAIN, key, time(now + redeliver))
    notify_report(key, report)
  else
    set_score(AGAIN, key, false)
  end
end
flush()
local left_until_due = -1
for _, set in ipairs({LEASES, REGISTRATIONS, AGAIN}) do
  local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')
  if first[2] then
    local left = math.max(tonumber(first[2]) - now, 0)
    if left_until_due < 0 or left < left_until_due then left_until_due = left end
  end
end
return finish({'ok', server_id(), left_until_due})
