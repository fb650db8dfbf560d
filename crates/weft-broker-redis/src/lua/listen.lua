-- The worker has taken the signals before an entry of its inbox, and waits for more.
-- Atomic, so that only the inbox of a registration that lives is touched.
-- ARGV: session, the entry ('' for none).
local worker = caller(ARGV[1])
if not worker then return finish({'unregistered'}) end
if ARGV[2] ~= '' then
  call('XTRIM', base .. ':inbox:' .. worker.id, 'MINID', ARGV[2])
end
return finish({'ok'})
