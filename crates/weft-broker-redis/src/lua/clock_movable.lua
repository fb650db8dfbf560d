-- The clock of tests: the server's, which a test may set wrong, and time that a test lets pass.
local function read_clock()
  local time = redis.call('TIME')
  local error = redis.call('GET', string.sub(KEYS[1], 1, -6) .. ':error') or 0
  return time[1] * 1000 + math.floor(time[2] / 1000) + error
end
local function moved()
  return tonumber(redis.call('GET', string.sub(KEYS[1], 1, -6) .. ':shift') or 0)
end
