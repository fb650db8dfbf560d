-- Nothing more is claimed by this worker.
-- Atomic, so that the room that its queues lose is counted once.
-- ARGV: session.
local worker = caller(ARGV[1])
if not worker then return finish({'unregistered'}) end
if not worker.paused then
  worker.paused = true
  count_serving(worker, -1)
  call('HSET', base .. ':worker:' .. ARGV[1], 'paused', '1')
end
return finish({'ok'})
