-- Settle a grant, once. KEYS[2] is the account, KEYS[a.grants] the set of the candidate's open grants. Returns whether that opened the breaker, or
-- nothing where the grant was not open.

fetch(ACCOUNT, {
  't', 'x', 'b' .. a.credential, 'r' .. a.credential, 'k' .. a.credential, 'u' .. a.credential,
  'b' .. a.candidate, 'r' .. a.candidate, 'a' .. a.candidate,
})
fetch_windows(a.windows)
for h in pairs(fields) do
  if is_ahead(h) then return redis.error_reply('AHEAD') end
end
if redis.call('ZREM', KEYS[a.grants], a.id) == 0 then return false end

-- What its end taught, as the caller found out: first of the counters, then of the windows.
for _, step in ipairs(a.steps) do
  local w = a.windows[step[2]]
  local c, limit, kind = counter_of(w)
  if step[1] == 'deny' then
    if kind.deny then kind.deny(c, w, step[3], step[4]) end
  elseif step[1] == 'refused' then
    if kind.refused then kind.refused(c) end
  elseif step[1] == 'begin_anew' then
    if kind.begin_anew then kind.begin_anew(c) end
  elseif step[1] == 'correct' then
    kind.correct(c, w, step[3], step[4])
  else
    tighten(c, w, kind, step[3], step[4], step[5])
  end
  keep_counter(w, c)
end
for name, lesson in pairs(a.lessons) do write(ACCOUNT, name, lesson) end
if a.unexplained then write(ACCOUNT, 'u' .. a.credential, a.unexplained) end
for _, w in ipairs(a.windows) do
  if w.f == a.probed then
    local probe = read(w.h, 'p' .. w.f)
    if probe and probe[1] == a.id then write(w.h, 'p' .. w.f, false) end
  end
end
if a.health == 'success' then
  local unexplained = read(ACCOUNT, 'u' .. a.credential)
  if unexplained then
    local score = unexplained[1]
    write(ACCOUNT, 'u' .. a.credential, score > 0.1 and {score * 0.9, unexplained[2]} or false)
  end
end

local at = min(a.at, now)
for _, w in ipairs(a.windows) do
  local spent = a.spent[w.m]
  if spent then
    local delta = spent - (a.claimed[w.m] or 0)
    if delta ~= 0 or w.k == 'H' then
      local c, _, kind = counter_of(w)
      kind.correct(c, w, delta, at, a.id)
      keep_counter(w, c)
    end
  end
end
for _, block in ipairs(a.blocks) do add_block(block) end
measure(a.candidate, a.health, a.latency_ms, a.ttfb_ms)
end_trials(a.credential, a.candidate, a.id, a.at, a.health)
local tripped = judge(a.credential, a.id, a.health, a.policy)
save()
return tripped and 1 or 0
