-- How much more each queue's workers could take.
-- Atomic, so that what is claimed meanwhile is counted once.
-- ARGV: epoch, incarnation.
-- Answers queue, places, workers of each queue that is served or holds something.
local refusal = refuse_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
pass_time()
finish(nil)
local function read(hash)
  local flat, read = call('HGETALL', hash), {}
  for at = 1, #flat, 2 do read[flat[at]] = tonumber(flat[at + 1]) end
  return read
end
local depth, free, serving = read(DEPTH), read(ROOM), read(SERVING)
local reply = {'ok'}
local function add(queue)
  reply[#reply + 1] = queue
  reply[#reply + 1] = math.max((free[queue] or 0) - (depth[queue] or 0), 0)
  reply[#reply + 1] = serving[queue] or 0
end
for queue in pairs(serving) do add(queue) end
for queue in pairs(depth) do
  if not serving[queue] then add(queue) end
end
return reply
