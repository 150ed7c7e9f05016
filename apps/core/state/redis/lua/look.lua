-- Read fields: of each of `a.hashes`, a place in KEYS, the names; and of each of `a.grants`, a place, how many grants are open. Returns how long
-- each value is (-1: not there) and the counts, packed, and all values in a row.

local lengths, values, counts = {}, {}, {}
for _, one in ipairs(a.hashes) do
  local raws = redis.call('HMGET', KEYS[one[1]], unpack(one[2]))
  for i = 1, #one[2] do
    local raw = raws[i]
    lengths[#lengths + 1] = raw and #raw or -1
    if raw then values[#values + 1] = raw end
  end
end
for i, h in ipairs(a.grants) do counts[i] = redis.call('ZCOUNT', KEYS[h], '(' .. real, '+inf') end
return {cmsgpack.pack({lengths, counts}), table.concat(values)}
