-- What is under way lives on: of calls at a time, by window, the grants that hold them.

fetch_windows(a.windows)
for i, w in ipairs(a.windows) do
  local c = counter_of(w)
  for _, id in ipairs(a.ids[i]) do
    if c.H[id] then c.H[id][2] = real + a.lease end
  end
  keep_counter(w, c)
end
save()
return 1
