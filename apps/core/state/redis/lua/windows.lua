-- Windows, whatever their kind: their limits, looking at them, and taking from several at once.

-- What the window admits, by what was learnt of it.
local function limit_of(w)
  local lesson = read(w.h, 'l' .. w.f)
  if not lesson or lesson.declared ~= w.l or (w.o and lesson.limit > w.l) then return w.l end
  return lesson.limit
end

-- The window's counter, up to date, and its limit.
local function counter_of(w)
  local limit = limit_of(w)
  local c = read(w.h, 'w' .. w.f)
  local kind = KIND[w.k]
  if not c or c.k ~= w.k then
    c = kind.new(w)
    fields[w.h]['w' .. w.f] = c
  else
    kind.look(c, w, limit)
  end
  return c, limit, kind
end

local function keep_counter(w, c) write(w.h, 'w' .. w.f, c) end

-- 0 where `amount` fits now, else when it may.
local function free_at(c, w, kind, amount, limit)
  local free, excess = 0, c.u + amount - limit
  if limit > 0 and excess > 0 then free = kind.frees_at(c, w, excess) end
  if cap_of(c) and amount > c.cl then free = max(free, c.cu) end
  return free
end

local function shown(c, limit)
  if not cap_of(c) or limit == 0 then return c.u end
  return max(c.u, limit - c.cl)
end

local function tighten(c, w, kind, limit, remaining, resets_at)
  if kind.tighten then
    kind.tighten(c, w, limit, remaining, resets_at)
  else
    put_back_cap(c, limit, remaining, resets_at, kind.ends_at(c, w))
  end
end

-- All that is known of these windows, in one read a hash.
local function fetch_windows(windows)
  local names = {}
  for _, w in ipairs(windows) do
    local of = names[w.h] or {'t', 'x'}
    names[w.h] = of
    of[#of + 1] = 'w' .. w.f
    of[#of + 1] = 'l' .. w.f
  end
  for h, of in pairs(names) do fetch(h, of) end
end

-- Whether one request may go beyond the window that alone is in its way.
local function may_probe(w, c, kind, limit)
  if w.o or w.c or not w.t or cap_of(c) then return false end
  local probe = read(w.h, 'p' .. w.f)
  if probe and probe[2] > real then return false end
  local lesson = read(w.h, 'l' .. w.f)
  local is_cut = lesson and lesson.limit > 0 and lesson.limit < max(lesson.declared, lesson.granted or 0)
  if not a.budget and not is_cut then return false end
  if lesson and ((lesson.told and lesson.limit >= (lesson.ceiling or 0)) or now < lesson.probe_at) then return false end
  return kind.surely_full ~= nil and kind.surely_full(c, w, limit)
end

-- Take from all windows or, if one is full or something has `shut` the subject, from none: then a refusal {until, reason, detail, window}.
local function charge(windows, amounts, known, shut, id)
  local until_, reason, detail, key = shut[1], shut[2], shut[3], ''
  local full, charges = {}, {}
  for _, w in ipairs(windows) do
    local amount = amounts[w.m]
    if amount then
      local c, limit, kind = counter_of(w)
      if c.cu or (limit > 0 and limit < c.u + amount) then
        local needed = amount
        if not w.o and known and known[w.m] then needed = known[w.m] end
        local free = free_at(c, w, kind, needed, limit)
        if free > 0 then full[#full + 1] = {w, c, kind, limit, needed} end
        if free > until_ then until_, reason, detail, key = free, 'quota', '', w.f end
      end
      charges[#charges + 1] = {w, c, kind, amount}
    end
  end
  local probe = nil
  if reason then
    local one = full[1]
    if not id or shut[2] or #full ~= 1 or not may_probe(one[1], one[2], one[3], one[4]) then
      return {until_, reason, detail, key}
    end
    probe = {one[1].f, one[5]}
    write(one[1].h, 'p' .. one[1].f, {id, real + a.lease})
  end
  local used = {}
  for _, one in ipairs(charges) do
    one[3].charge(one[2], one[1], one[4], id)
    keep_counter(one[1], one[2])
    used[#used + 1] = one[2].u
  end
  return nil, probe, used
end
