-- The server's clock: clocks of workers and schedulers are never compared with it or with each
-- other.
local function read_clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Only the clock of tests can be moved as time that passes.
local function moved()
  return 0
end
