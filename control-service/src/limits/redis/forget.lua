--[[
Adds the shares of a holder that was buried long ago to those of nobody ("h:"), so that their number is bounded.

KEYS  1  zset: buried holders by the time of their burial
      2  hash of the holder (see claim.lua)
      3… hash of each of its counters
ARGV  1  holder
      2  the time before which it must have been buried

Answers 1 when it was forgotten, 0 when it is alive again.
]]
local buried = redis.call("ZSCORE", KEYS[1], ARGV[1])
if not buried or tonumber(buried) >= tonumber(ARGV[2]) then
  return 0
end
local own = "h:" .. ARGV[1]
for index = 3, #KEYS do
  local key = KEYS[index]
  local row, sum = unpack(redis.call("HMGET", key, own, "h:"))
  if row then
    local g, s = string.match(row, "^(%d+) (%d+)")
    local allGranted, allSpent = string.match(sum or "0 0", "^(%d+) (%d+)")
    local granted = string.format("%.0f", tonumber(allGranted) + tonumber(g))
    local spent = string.format("%.0f", tonumber(allSpent) + tonumber(s))
    redis.call("HSET", key, "h:", granted .. " " .. spent .. " 0 0")
    redis.call("HDEL", key, own)
  end
end
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("DEL", KEYS[2])
return 1
