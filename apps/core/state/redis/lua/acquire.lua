-- Try the choices in order, and take from all windows of the first that fits. KEYS[2] is their account, and a choice's `grants` the place
-- of the set of its candidate's open grants. Returns {granted or 0, refusals before it, trial, tries, probe, used, its place}.

local refusals = {}
for place, choice in ipairs(a.choices) do
  local credential, candidate = choice.credential, choice.candidate
  fetch(ACCOUNT, {
    't', 'x', 'b' .. credential, 'r' .. credential, 'k' .. credential, 'b' .. candidate, 'r' .. candidate,
  })
  fetch_windows(choice.windows)
  for h in pairs(fields) do
    if is_ahead(h) then return redis.error_reply('AHEAD') end
  end
  local shut = shut_of(credential, candidate, choice.shut)
  local refusal, probe, used = charge(choice.windows, choice.amounts, choice.known, shut, choice.id)
  if not refusal then
    local trial, tries = begin_trials(credential, candidate, choice.id)
    save()
    redis.call('ZADD', KEYS[choice.grants], real + a.lease, choice.id)
    redis.call('EXPIRE', KEYS[choice.grants], 32 * DAY_S)
    return cmsgpack.pack({place, refusals, trial, tries, probe or false, used})
  end
  refusals[place] = refusal
end
return cmsgpack.pack({0, refusals})
