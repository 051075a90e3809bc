--[[
Shrinks the shares of a holder that was not heard of for too long.

KEYS  1  zset: living holders by the time they were heard of
      2  zset: buried holders by the time of their burial
      3… hash of the counter of each share (see claim.lua)
ARGV  1  holder
      2  the time it was heard of: nothing happens when it is another by now
      3  now, Unix ms
      4  channel of notes
      5… four for each share: counter, and what it shrinks to: granted, spent, reserved

Answers 1 when it was buried, else 0. Publishes notes to holders that wait for what came free.
]]
local HEAD, FIELDS, FIRST_COUNTER = 4, 4, 3

local heard = redis.call("ZSCORE", KEYS[1], ARGV[1])
if not heard or tonumber(heard) ~= tonumber(ARGV[2]) then
  return 0
end
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("ZADD", KEYS[2], ARGV[3], ARGV[1])

local own = "h:" .. ARGV[1]
local notes = {}
for index = FIRST_COUNTER, #KEYS do
  local key = KEYS[index]
  local at = HEAD + (index - FIRST_COUNTER) * FIELDS
  local counter = ARGV[at + 1]
  local text = redis.call("HGET", key, own)
  if text then
    local g, s, r, w = string.match(text, "^(%d+) (%d+) (%d+) (%d)$")
    -- HINCRBY counts in 64-bit integers.
    local function change(field, to, from)
      redis.call("HINCRBY", key, field, string.format("%.0f", tonumber(to) - tonumber(from)))
    end
    change("g", ARGV[at + 2], g)
    change("s", ARGV[at + 3], s)
    change("r", ARGV[at + 4], r)
    change("w", "0", w)
    if ARGV[at + 2] == "0" and ARGV[at + 3] == "0" and ARGV[at + 4] == "0" then
      redis.call("HDEL", key, own)
    else
      redis.call("HSET", key, own, ARGV[at + 2] .. " " .. ARGV[at + 3] .. " " .. ARGV[at + 4] .. " 0")
    end
    if tonumber(ARGV[at + 2]) < tonumber(g) and tonumber(redis.call("HGET", key, "w")) > 0 then
      local fields = redis.call("HGETALL", key)
      for field = 1, #fields, 2 do
        local name = string.match(fields[field], "^h:(.+)$")
        if name and string.sub(fields[field + 1], -2) == " 1" then
          notes[#notes + 1] = { name, counter }
        end
      end
    end
  end
end
if #notes > 0 then
  redis.call("PUBLISH", ARGV[4], cjson.encode(notes))
end
return 1
