-- Deletes the inbox entries whose signals the worker has taken.
-- Atomic, so that only the inbox of a live registration is trimmed.
-- ARGV: session, the entry ('' for none).
local worker = caller(ARGV[1])
if not worker then return finish({'unregistered'}) end
if ARGV[2] ~= '' then
  call('XTRIM', base .. ':inbox:' .. worker.id, 'MINID', ARGV[2])
end
return finish({'ok'})
