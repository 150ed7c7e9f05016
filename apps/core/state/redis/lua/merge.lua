-- Take in, once, what a process granted while it could not ask: of each window the amounts by time, and the grants that are still open. KEYS[2]
-- is the account, KEYS[a.mark] marks that it was done. Returns 0 where it was before.
--
-- `a.seen`, of counters that are being rebuilt: what the process had seen to be used, by whomever, and what it took while it could not ask.
-- What is missing of that when all have told of theirs was taken by those that died. It is kept beside the counter as {the most that any had
-- seen, what all took meanwhile, what is missing, since when}, and counted.

if redis.call('EXISTS', KEYS[a.mark]) == 1 then return 0 end
fetch_windows(a.windows)
for h in pairs(fields) do
  if is_ahead(h) then return redis.error_reply('AHEAD') end
end
for i, w in ipairs(a.windows) do
  local c, _, kind = counter_of(w)
  local seen, missing = a.seen[i], nil
  if seen then
    missing = read(w.h, 'f' .. w.f) or {0, 0, 0, now}
    if missing[3] > 0 then kind.correct(c, w, -missing[3], missing[4]) end -- this process may tell of it now
  end
  for _, charge in ipairs(a.charges[i]) do
    local at, amount, id = charge[1], charge[2], charge[3]
    if w.k == 'H' then
      if not c.H[id] then kind.charge(c, w, amount, id) end
    else
      kind.correct(c, w, amount, min(at, now))
    end
  end
  if seen then
    missing[1], missing[2] = max(missing[1], seen[1]), missing[2] + seen[2]
    missing[3] = max(missing[1] + missing[2] - c.u, 0)
    if missing[3] > 0 then kind.correct(c, w, missing[3], missing[4]) end
    write(w.h, 'f' .. w.f, missing)
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
