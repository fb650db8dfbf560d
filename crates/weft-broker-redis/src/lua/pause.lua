-- Stops claims of this worker.
-- Atomic, so that its queues lose its free slots once.
-- ARGV: session.
local worker = caller(ARGV[1])
if not worker then return finish({'unregistered'}) end
if not worker.paused then
  worker.paused = true
  count_serving(worker, -1)
  call('HSET', base .. ':worker:' .. ARGV[1], 'paused', '1')
end
return finish({'ok'})
