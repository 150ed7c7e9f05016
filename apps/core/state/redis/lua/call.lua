-- What every script begins with: whether the counters are those that the caller means, and how fields are read and written.
--
-- KEYS[1] is the epoch, ARGV[1] the one that the caller knows; the other keys are hashes, but for the set of grants. ARGV[2] holds the
-- arguments, packed. Scripts compute first and write last (`save`): what raises has written nothing.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('NOEPOCH') end

local INF = math.huge
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local a = cmsgpack.unpack(ARGV[2])
local now = a.now
local clock = redis.call('TIME')
local real = tonumber(clock[1]) + tonumber(clock[2]) / 1e6 -- for leases and expiry alone

local BACK_S = 10
local DAY_S = 86400

local fields, changed = {}, {}

-- The fields of hash `h` (a place in KEYS) in one read; what is not there is false.
local function fetch(h, names)
  local known = fields[h] or {}
  fields[h] = known
  local wanted = {}
  for _, name in ipairs(names) do
    if known[name] == nil then
      known[name] = false
      wanted[#wanted + 1] = name
    end
  end
  if #wanted > 0 then
    local raws = redis.call('HMGET', KEYS[h], unpack(wanted))
    for i, name in ipairs(wanted) do
      if raws[i] then known[name] = cmsgpack.unpack(raws[i]) end
    end
  end
end

local function read(h, name)
  local known = fields[h]
  if not known or known[name] == nil then
    fetch(h, {name})
    known = fields[h]
  end
  return known[name]
end

-- Keep `value`, or nothing where it is false.
local function write(h, name, value)
  fields[h] = fields[h] or {}
  changed[h] = changed[h] or {}
  fields[h][name] = value
  changed[h][name] = value
end

-- Whether the clock went back since the hash was written: then the caller mends it first.
local function is_ahead(h)
  local latest = read(h, 't')
  return latest and now < latest - BACK_S
end

-- Write what changed. `a.keep`: for how many seconds a hash is of use, 0 for ever.
local function save()
  for h, values in pairs(changed) do
    local set, gone = {}, {}
    for name, value in pairs(values) do
      if value then
        set[#set + 1] = name
        set[#set + 1] = cmsgpack.pack(value)
      else
        gone[#gone + 1] = name
      end
    end
    local latest = read(h, 't')
    if not latest or now > latest then
      set[#set + 1] = 't'
      set[#set + 1] = cmsgpack.pack(now)
    end
    local expiry = read(h, 'x') or 0
    local wanted = a.keep == 0 and 1e15 or real + (a.keep or 32 * DAY_S)
    if wanted > expiry + DAY_S then
      set[#set + 1] = 'x'
      set[#set + 1] = cmsgpack.pack(wanted)
    end
    if #set > 0 then redis.call('HSET', KEYS[h], unpack(set)) end
    if #gone > 0 then redis.call('HDEL', KEYS[h], unpack(gone)) end
    if wanted > expiry + DAY_S then
      if a.keep == 0 then redis.call('PERSIST', KEYS[h]) else redis.call('EXPIRE', KEYS[h], ceil(wanted - real)) end
    end
  end
end
