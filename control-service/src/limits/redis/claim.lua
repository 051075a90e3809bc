--[[
Takes a gateway process's report on counters, and grants what it asks for as far as there is any; the whole batch at once.
The rule of granting is that of grant.ts.

KEYS  1  zset: living holders by the time they were heard of
      2  zset: buried holders by the time of their burial
      3  hash of the holder: its newest "sequence"; "<window>:<counter>" -> end of the window, for each lasting counter
      4… hash of each entry's counter in its window: sums g, s, r (granted, spent, reserved) and w (holders that wait);
         "h:<holder>" -> its "g s r w"
ARGV  1  holder
      2  sequence
      3  now, Unix ms
      4  how long a counter is kept after its window's end, ms
      5  channel of notes
      6… twelve for each entry: counter, window, end of the window or "", current, amount, refundable, balance, lasting,
         spent, reserved, need, keep; yes and no are 1 and 0

Answers {"missing", counter…} when balances have no counter yet: nothing is granted then. Else {"granted", sequence, and
for each entry granted, left, edge, final}. Publishes notes as JSON: [[holder, counter], …].
]]
local HEAD, FIELDS, FIRST_COUNTER = 5, 12, 4
local EDGE_PARTS = 5

local holder, sequence, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local own = "h:" .. holder

-- tostring() keeps 14 digits only.
local function whole(number)
  return string.format("%.0f", number)
end

local function parseRow(text)
  if not text then
    return { g = 0, s = 0, r = 0, w = 0 }
  end
  local g, s, r, w = string.match(text, "^(%d+) (%d+) (%d+) (%d)$")
  return { g = tonumber(g), s = tonumber(s), r = tonumber(r), w = tonumber(w) }
end

redis.call("ZADD", KEYS[1], ARGV[3], holder)
redis.call("ZREM", KEYS[2], holder)

local entries, missing = {}, {}
for index = FIRST_COUNTER, #KEYS do
  local at = HEAD + (index - FIRST_COUNTER) * FIELDS
  local entry = {
    key = KEYS[index],
    counter = ARGV[at + 1],
    window = ARGV[at + 2],
    ends = ARGV[at + 3],
    current = ARGV[at + 4] == "1",
    amount = tonumber(ARGV[at + 5]),
    refundable = ARGV[at + 6] == "1",
    balance = ARGV[at + 7] == "1",
    lasting = ARGV[at + 8] == "1",
    spent = tonumber(ARGV[at + 9]),
    reserved = tonumber(ARGV[at + 10]),
    need = tonumber(ARGV[at + 11]),
    keep = tonumber(ARGV[at + 12]),
  }
  entries[#entries + 1] = entry
  if entry.balance and redis.call("EXISTS", entry.key) == 0 then
    missing[#missing + 1] = entry.counter
  end
end
if #missing > 0 then
  return { "missing", unpack(missing) }
end

local holders = redis.call("ZCARD", KEYS[1])
local newest = tonumber(redis.call("HGET", KEYS[3], "sequence") or "0")
local fresh = sequence > newest
if fresh then
  newest = sequence
  redis.call("HSET", KEYS[3], "sequence", whole(sequence))
end

local notes = {}

-- Notes for all other holders of which `concerns` is true.
local function note(entry, concerns)
  local fields = redis.call("HGETALL", entry.key)
  for index = 1, #fields, 2 do
    local name = string.match(fields[index], "^h:(.+)$")
    if name and name ~= holder and concerns(parseRow(fields[index + 1])) then
      notes[#notes + 1] = { name, entry.counter }
    end
  end
end

local function decide(entry, total, held)
  local used = entry.spent + entry.reserved
  local claim = used + entry.need + entry.keep
  local floor = math.max(used, math.min(held, claim))
  if not entry.current then
    return floor, false, false
  end
  local free = math.max(0, entry.amount - (total - held) - floor)
  local needed = math.max(0, used + entry.need - floor)
  local far = free * EDGE_PARTS > entry.amount
  local share = far and math.max(needed, math.floor(free / (2 * holders))) or needed
  local granted = floor + math.min(claim - floor, share, free)
  return granted, not far, granted < used + entry.need
end

-- No other holder has idle units, and none has reserved any that may come back.
local function isFinal(entry, sum, row)
  return sum.g - sum.s - sum.r == row.g - row.s - row.r and not (entry.refundable and sum.r > 0)
end

local function store(entry, sum, row, isNew, isNewRow)
  local name = entry.window .. ":" .. entry.counter
  local sums = { "g", whole(sum.g), "s", whole(sum.s), "r", whole(sum.r), "w", whole(sum.w) }
  if row.g == 0 and row.s == 0 and row.r == 0 and row.w == 0 then
    redis.call("HDEL", KEYS[3], name)
    if sum.g == 0 and sum.s == 0 and sum.r == 0 and sum.w == 0 and not entry.balance then
      redis.call("DEL", entry.key)
      return
    end
    redis.call("HDEL", entry.key, own)
    redis.call("HSET", entry.key, unpack(sums))
  else
    local text = table.concat({ whole(row.g), whole(row.s), whole(row.r), row.w }, " ")
    redis.call("HSET", entry.key, own, text, unpack(sums))
    -- A balance's row may have come by open.lua.
    if entry.lasting and (isNewRow or entry.balance) then
      redis.call("HSET", KEYS[3], name, entry.ends)
    end
  end
  if isNew and entry.ends ~= "" then
    -- Not PEXPIREAT: the clock of Redis may be another than that of the control service.
    redis.call("PEXPIRE", entry.key, whole(tonumber(entry.ends) - now + tonumber(ARGV[4])))
  end
end

local answer = { "granted", whole(newest) }
local function give(granted, left, edge, final)
  answer[#answer + 1] = whole(granted)
  answer[#answer + 1] = whole(math.max(0, left))
  answer[#answer + 1] = edge and "1" or "0"
  answer[#answer + 1] = final and "1" or "0"
end

for _, entry in ipairs(entries) do
  local stored = redis.call("HMGET", entry.key, "g", "s", "r", "w", own)
  local sum = {
    g = tonumber(stored[1] or "0"),
    s = tonumber(stored[2] or "0"),
    r = tonumber(stored[3] or "0"),
    w = tonumber(stored[4] or "0"),
  }
  local row = parseRow(stored[5])
  local granted, edge, unmet = decide(entry, sum.g, row.g)
  if not fresh then
    local waits = entry.current and row.g < entry.spent + entry.reserved + entry.need
    give(row.g, entry.amount - sum.g, edge, waits and isFinal(entry, sum, row))
  elseif not stored[1] and not entry.current then
    -- A window that is over and forgotten does not come back.
    give(granted, 0, edge, false)
  else
    local after = { g = granted, s = entry.spent, r = entry.reserved, w = unmet and 1 or 0 }
    local freed = after.g < row.g
    for _, field in ipairs({ "g", "s", "r", "w" }) do
      -- The difference first: a sum of two could be larger than what a double counts.
      sum[field] = sum[field] + (after[field] - row[field])
    end
    store(entry, sum, after, not stored[1], not stored[5])
    if unmet then
      note(entry, function(other)
        return other.g - other.s - other.r > 0
      end)
    end
    if freed and sum.w - after.w > 0 then
      note(entry, function(other)
        return other.w == 1
      end)
    end
    give(granted, entry.amount - sum.g, edge, unmet and isFinal(entry, sum, after))
  end
end

if #notes > 0 then
  redis.call("PUBLISH", ARGV[5], cjson.encode(notes))
end
return answer
