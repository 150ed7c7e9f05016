-- Take over what upstreams report as left of windows.

fetch_windows(a.windows)
for h in pairs(fields) do
  if is_ahead(h) then return redis.error_reply('AHEAD') end
end
for i, w in ipairs(a.windows) do
  local c, limit, kind = counter_of(w)
  tighten(c, w, kind, limit, a.remaining[i], a.resets_at[i] or nil)
  keep_counter(w, c)
end
save()
return 1
