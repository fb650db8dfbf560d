-- How much each queue's workers could take, and how much waits for them.
-- Atomic, so that what is claimed meanwhile is counted once.
-- ARGV: epoch, incarnation.
-- Answers queue, room, what waits, workers, the largest worker's memory (-1 where it isn't known) of
-- each queue that is served or holds something.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
finish(nil)
local reply = {'ok'}
each_queue(function(queue, waiting, free, serving)
  for _, value in ipairs({queue, free, waiting, serving, largest(queue, serving)}) do reply[#reply + 1] = value end
end)
return reply
