-- The server's clock, the only one: clocks of workers and schedulers are never compared with
-- it or with each other.
local function read_clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
