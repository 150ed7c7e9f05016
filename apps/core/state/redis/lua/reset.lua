-- Forget blocks, breakers and lessons of an account (KEYS[2]) that began earlier than `a.before`.

local flat = redis.call('HGETALL', KEYS[2])
local all, kept = {}, {}
for i = 1, #flat, 2 do all[flat[i]] = cmsgpack.unpack(flat[i + 1]) end
local gone = {}
for name, value in pairs(all) do
  local kind, scope = name:sub(1, 1), name:sub(2)
  if kind == 'b' and value.since >= a.before then kept[scope] = true end
  if (kind == 'b' and value.since < a.before)
    or (kind == 'k' and value.opened_at < a.before)
    or (kind == 'l' and value.at < a.before) then
    gone[#gone + 1] = name
  end
end
for name in pairs(all) do
  if name:sub(1, 1) == 'r' and not kept[name:sub(2)] then gone[#gone + 1] = name end
end
for _, name in ipairs(gone) do redis.call('HDEL', KEYS[2], name) end
return #gone
