-- Take from all windows, for good. Returns {used of each}, or {false, refusal}.

fetch_windows(a.windows)
for h in pairs(fields) do
  if is_ahead(h) then return redis.error_reply('AHEAD') end
end
local refusal = charge(a.windows, a.amounts, nil, {0, false, ''}, nil)
if refusal then return cmsgpack.pack({false, refusal}) end
local used = {}
for i, w in ipairs(a.windows) do
  local c, limit = counter_of(w)
  used[i] = shown(c, limit)
end
save()
return cmsgpack.pack({used})
