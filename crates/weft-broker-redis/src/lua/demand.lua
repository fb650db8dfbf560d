-- The free slots and the depth of each queue.
-- Atomic, so that an attempt that is claimed meanwhile counts once.
-- ARGV: epoch, incarnation.
-- Answers, for each queue that is served or not empty: its name, free slots, depth, workers,
-- the largest worker's memory (-1 if unknown).
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
finish(nil)
local reply = read_demand()
table.insert(reply, 1, 'ok')
return reply
