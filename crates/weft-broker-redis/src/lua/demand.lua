-- The free slots and the depth of each queue.
-- Atomic, so that an attempt that is claimed meanwhile counts once.
-- ARGV: epoch, incarnation.
-- Answers, for each queue that is served or not empty: its name, free slots, depth, workers,
-- the largest worker's memory (-1 if unknown).
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
finish(nil)
local reply = {'ok'}
each_queue(function(queue, waiting, free, serving)
  for _, value in ipairs({queue, free, waiting, serving, largest(queue, serving)}) do reply[#reply + 1] = value end
end)
return reply
