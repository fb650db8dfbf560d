-- Stores reports for the scheduler, and ends the claims of their attempts.
-- Atomic, so that the lease of a reported attempt can't expire.
-- ARGV: session, most unconfirmed reports, the id as a JSON list;
-- then key and report (version, a space, message) of each.
-- A report of an attempt that another worker holds counts for nothing: its sender lost or released
-- the attempt. It is confirmed at once, so that the sender drops it.
-- Returns how many were refused because the queue of reports is full.
local session, most = ARGV[1], tonumber(ARGV[2])
local worker = caller(session)
if not worker then return finish({'unregistered'}) end
local count = call('HLEN', REPORTS)
local refused = 0
read_ahead(attempts, ARGV, 4, 2)
read_ahead(reporters, ARGV, 4, 2)
for at = 4, #ARGV, 2 do
  local key, report = ARGV[at], ARGV[at + 1]
  local state = get(attempts, key)
  local other = holder(state)
  local known = get(reporters, key)
  if other and other ~= session and other ~= NO_HOLDER then
    signal(worker.id, 'c', key)
  elseif not known and count >= most then
    refused = refused + 1
  else
    if other == session or other == NO_HOLDER then
      end_hold(key, other)
    elseif state and not other then
      unqueue(key, state)
    end
    if known then
      local ids, is_known = cjson.decode(known), false
      for _, id in ipairs(ids) do is_known = is_known or id == worker.id end
      if not is_known then
        ids[#ids + 1] = worker.id
        put(reporters, key, cjson.encode(ids))
      end
    else
      count = count + 1
      put(reports, key, report)
      put(reporters, key, ARGV[3])
      set_score(AGAIN, key, epoch and time(now + redeliver) or '0')
      notify_report(key, report)
    end
  end
end
return finish({'ok', refused})
