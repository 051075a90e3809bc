--[[
Begins a balance at what was spent of it already.

KEYS  1  hash of the counter (see claim.lua)
ARGV  two for each holder: its name, and what it spent

Answers 1 when it was begun, 0 when it was there and stays as it is.
]]
if redis.call("EXISTS", KEYS[1]) == 1 then
  return 0
end
local sum = 0
for index = 1, #ARGV, 2 do
  local spent = ARGV[index + 1]
  sum = sum + tonumber(spent)
  redis.call("HSET", KEYS[1], "h:" .. ARGV[index], spent .. " " .. spent .. " 0 0")
end
-- tostring() keeps 14 digits only.
local total = string.format("%.0f", sum)
redis.call("HSET", KEYS[1], "g", total, "s", total, "r", "0", "w", "0")
return 1
