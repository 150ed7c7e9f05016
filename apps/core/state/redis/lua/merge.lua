-- Take in, once, what a process granted while it could not ask: of each window the amounts by time, and the grants that are still open. KEYS[2]
-- is the account, KEYS[a.mark] marks that it was done. Returns 0 where it was before.

if redis.call('EXISTS', KEYS[a.mark]) == 1 then return 0 end
fetch_windows(a.windows)
for h in pairs(fields) do
  if is_ahead(h) then return redis.error_reply('AHEAD') end
end
for i, w in ipairs(a.windows) do
  local c, _, kind = counter_of(w)
  for _, charge in ipairs(a.charges[i]) do
    local at, amount, id = charge[1], charge[2], charge[3]
    if w.k == 'H' then
      if not c.H[id] then kind.charge(c, w, amount, id) end
    else
      kind.correct(c, w, amount, min(at, now))
    end
  end
  keep_counter(w, c)
end
for _, block in ipairs(a.blocks) do add_block(block) end
for name, lesson in pairs(a.lessons) do write(ACCOUNT, name, lesson) end
save()
for _, one in ipairs(a.open) do
  redis.call('ZADD', KEYS[one[1]], real + a.lease, one[2])
  redis.call('EXPIRE', KEYS[one[1]], 32 * DAY_S)
end
redis.call('SET', KEYS[a.mark], 1, 'EX', 86400)
return 1
