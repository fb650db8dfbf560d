-- The clock of tests: the server's, moved ahead by the test.
local function read_clock()
  local time = redis.call('TIME')
  local shift = redis.call('GET', KEYS[1] .. ':shift') or 0
  return time[1] * 1000 + math.floor(time[2] / 1000) + shift
end
