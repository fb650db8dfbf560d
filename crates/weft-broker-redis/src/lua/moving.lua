-- While a Cluster moves the slot to another node, some keys are on one node and some on the other,
-- and a key that is missing may be on the other one. A node refuses a command with missing keys
-- then, in the middle of a script. Two keys that never exist are refused at both nodes, before
-- the script has changed anything. Only the scripts of a Cluster begin with this.
local absent = string.sub(KEYS[1], 1, -6) .. ':absent:'
local probe = redis.pcall('EXISTS', absent .. '1', absent .. '2')
if type(probe) == 'table' and probe.err then
  if not string.find(probe.err, 'non local key', 1, true) then return probe end
  return redis.error_reply('TRYAGAIN the keys of the shard are moving to another node')
end
