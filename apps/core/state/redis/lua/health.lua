-- Blocks, their rows and breakers: what `apps/core/state/blocks` and `breaker` are in Python, of one account (KEYS[2]).

local ACCOUNT = 2
local REPEATS_S, TRIAL_S, POLL_S, BRIEF_S, LONGEST_LEAD_S, MOST_WITNESSES = 86400, 120, 1, 3, 3600, 32

local function remembered_until(block)
  if block.max_s ~= 0 then return block['until'] + REPEATS_S end
  return block['until']
end

local function is_among(one, all)
  for _, other in ipairs(all) do
    if other == one then return true end
  end
  return false
end

-- {until, reason or false, detail}
local function row_shut(row, candidate)
  local last = row.last
  local length = last['until'] - last.since
  if row.trial ~= '' and now < row.trial_until and length > BRIEF_S then
    return {min(now + POLL_S, row.trial_until), 'half_open', last.detail}
  end
  if is_among(candidate, last.by) then
    local lead_until = last['until'] + min(length / 4, LONGEST_LEAD_S)
    if now < lead_until then return {lead_until, last.reason, last.detail} end
  end
  return {0, false, now < remembered_until(last) and last.detail or ''}
end

-- `first`: what closes the provider for everybody, false where nothing does.
local function shut_of(credential, candidate, first)
  local longest = first
  for _, scope in ipairs({credential, candidate}) do
    local block, row, shut = read(ACCOUNT, 'b' .. scope), read(ACCOUNT, 'r' .. scope), nil
    if block and block['until'] > now then
      shut = {block['until'], block.reason, block.detail}
    elseif row then
      shut = row_shut(row, candidate)
    end
    if shut and (not longest or shut[1] > longest[1]) then longest = shut end
  end
  longest = longest or {0, false, ''}
  local breaker = read(ACCOUNT, 'k' .. credential)
  if breaker and breaker.open_until then
    local shut = nil
    if now < breaker.open_until then
      shut = {breaker.open_until, 'breaker', ''}
    elseif breaker.trial ~= '' and now < breaker.trial_until then
      shut = {min(now + POLL_S, breaker.trial_until), 'half_open', ''}
    end
    if shut and shut[1] > longest[1] then longest = shut end
  end
  return longest
end

-- A request goes out. Returns whether it is a breaker's trial, and of what else (false where it is none).
local function begin_trials(credential, candidate, id)
  local trial, tries = false, false
  local breaker = read(ACCOUNT, 'k' .. credential)
  if breaker and breaker.open_until then
    breaker.trial, breaker.trial_until = id, now + TRIAL_S
    write(ACCOUNT, 'k' .. credential, breaker)
    trial = true
  end
  for _, scope in ipairs({credential, candidate}) do
    local row = read(ACCOUNT, 'r' .. scope)
    if row and now < remembered_until(row.last) then
      row.trial, row.trial_until = id, now + TRIAL_S
      write(ACCOUNT, 'r' .. scope, row)
      tries = tries or row.last.reason
    end
  end
  return trial, tries
end

local function witnesses(last, block)
  local all, seen = {}, {}
  for _, by in ipairs({last.by, block.by}) do
    for _, one in ipairs(by) do
      if not seen[one] and #all < MOST_WITNESSES then
        seen[one] = true
        all[#all + 1] = one
      end
    end
  end
  return all
end

local function with(block, changes)
  local copy = {}
  for name, value in pairs(block) do copy[name] = value end
  for name, value in pairs(changes) do copy[name] = value end
  return copy
end

local function add_block(block)
  if block.max_s ~= 0 then
    if #block.by == 1 then -- of an account, where another candidate disproved it before
      local row = read(ACCOUNT, 'r' .. block.by[1])
      if row and row.last.reason == block.reason and remembered_until(row.last) > now then
        block = with(block, {scope = block.by[1], by = {}})
      end
    end
    local standing, row = read(ACCOUNT, 'b' .. block.scope), read(ACCOUNT, 'r' .. block.scope)
    if standing and standing.reason == block.reason and standing['until'] > now then
      if row and #block.by > 0 then
        row.last = with(row.last, {by = witnesses(row.last, block)})
        write(ACCOUNT, 'r' .. block.scope, row)
      end
      return
    end
    if row and remembered_until(row.last) > now and row.last.reason == block.reason then
      local length = row.last['until'] - row.last.since
      block = with(block, {['until'] = now + min(2 * length, block.max_s), by = witnesses(row.last, block)})
    end
    write(ACCOUNT, 'r' .. block.scope, {last = block, trial = '', trial_until = 0})
  end
  local standing = read(ACCOUNT, 'b' .. block.scope)
  if standing and block['until'] <= standing['until'] then return end
  write(ACCOUNT, 'b' .. block.scope, block)
end

local function end_row(scope, candidate)
  local last, block = read(ACCOUNT, 'r' .. scope).last, read(ACCOUNT, 'b' .. scope)
  write(ACCOUNT, 'r' .. scope, false)
  if block and block['until'] <= now then write(ACCOUNT, 'b' .. scope, false) end
  for _, other in ipairs(last.by) do
    if other ~= candidate then
      local ends = now + last['until'] - last.since
      add_block(with(last, {scope = other, since = now, ['until'] = ends, by = {}}))
    end
  end
end

local function end_trials(credential, candidate, id, began, health)
  for _, scope in ipairs({credential, candidate}) do
    local row = read(ACCOUNT, 'r' .. scope)
    if row then
      if health == 'success' and began >= row.last.since then
        end_row(scope, candidate)
      elseif row.trial == id then
        row.trial = ''
        write(ACCOUNT, 'r' .. scope, row)
      end
    end
  end
end

-- Tell the breaker how a request ended. Returns whether that opened it.
local function judge(credential, id, health, policy)
  local name = 'k' .. credential
  local breaker = read(ACCOUNT, name)
  if health == 'success' then
    if breaker and (not breaker.open_until or breaker.trial == id) then write(ACCOUNT, name, false) end
    return false
  end
  if health == 'neutral' then
    if breaker and breaker.trial == id then
      breaker.trial = ''
      write(ACCOUNT, name, breaker)
    end
    return false
  end
  breaker = breaker or {failures = {}, level = 0, opened_at = 0, trial = '', trial_until = 0, forget_at = 0}
  if not breaker.open_until then
    local recent = {}
    for _, at in ipairs(breaker.failures) do
      if at > now - policy.window_s then recent[#recent + 1] = at end
    end
    recent[#recent + 1] = now
    breaker.failures = recent
    breaker.forget_at = now + policy.window_s
    if #recent < policy.threshold then
      write(ACCOUNT, name, breaker)
      return false
    end
  elseif breaker.trial == id then
    breaker.level = min(breaker.level + 1, 64)
  else
    return false
  end
  breaker.failures, breaker.trial, breaker.opened_at = {}, '', now
  breaker.open_until = now + min(policy.base_s * 2 ^ breaker.level, policy.max_s)
  breaker.forget_at = breaker.open_until + DAY_S
  write(ACCOUNT, name, breaker)
  return true
end

local function ema(average, value)
  if not average then return value end
  return average + 0.3 * (value - average)
end

local function measure(candidate, health, latency_ms, ttfb_ms)
  if health == 'neutral' then return end
  local averages = read(ACCOUNT, 'a' .. candidate) or {}
  averages.measured_at = now
  averages.success_rate = ema(averages.success_rate, health == 'success' and 1 or 0)
  if health == 'success' then
    if latency_ms then
      averages.last_latency_ms = latency_ms
      averages.latency_ema_ms = ema(averages.latency_ema_ms, latency_ms)
    end
    if ttfb_ms then averages.ttfb_ema_ms = ema(averages.ttfb_ema_ms, ttfb_ms) end
  end
  write(ACCOUNT, 'a' .. candidate, averages)
end
