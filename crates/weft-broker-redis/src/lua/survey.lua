-- Every registration and every queue, for operators.
-- Answers the number of registrations; of each the worker's id, queues as JSON, slots,
-- prefetch, memory (-1 if unknown), labels as JSON, held, paused; then of each queue its name,
-- depth, free slots beyond it, workers.
expire_due()
finish(nil)
local flat = call('HGETALL', SESSIONS)
local reply = {'ok', 0}
for at = 2, #flat, 2 do
  local row = call('HMGET', base .. ':worker:' .. flat[at],
    'id', 'queues', 'slots', 'places', 'memory', 'labels', 'held', 'paused')
  if row[1] then
    reply[2] = reply[2] + 1
    for _, value in ipairs({row[1], row[2], row[3], row[4] - row[3], row[5] or '-1', row[6], row[7], row[8]}) do
      reply[#reply + 1] = value
    end
  end
end
each_queue(function(queue, waiting, free, serving)
  for _, value in ipairs({queue, waiting, math.max(free - waiting, 0), serving}) do reply[#reply + 1] = value end
end)
return reply
