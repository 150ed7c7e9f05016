-- The counters of quota windows: what `apps/core/state/counters` is in Python, kind by kind and step by step the same. A test compares them.
--
-- A window `w`, as the caller packs it: h hash, f field, k kind, m metric, l limit, p seconds, g margin, o own, c certain, t teaches; of a
-- fixed one ns and ne (where it begins and ends by its calendar), s and e (the same with margin and clock), n (the end of the next), a (how far
-- its clock is ahead), P and z (period and zone). A counter `c`: k kind, u used, cl, cs and cu what an upstream reported; the rest is its kind's.

local function cap_of(c)
  if c.cu and now >= c.cu then c.cl, c.cs, c.cu = nil, nil, nil end
  return c.cu
end

local function correct_cap(c, delta, at)
  if c.cu and at > c.cs then c.cl = c.cl - delta end
end

local function take_from(c, n)
  c.u = c.u + n
  if c.cu then c.cl = c.cl - n end
end

local function put_back_cap(c, limit, remaining, until_, otherwise)
  local ends = until_ or otherwise
  local capped = cap_of(c)
  local believed = min(limit > 0 and limit - c.u or INF, capped and c.cl or INF)
  if ends <= now or remaining >= max(believed, 1) then return end
  c.cl, c.cs, c.cu = remaining, now, capped and max(ends, c.cu) or ends
end

-- A period ended `at` in which so much was granted: M, evidence until E.
local function note(c, w, granted, at)
  if granted >= (c.M or 0) or at >= (c.E or -INF) then c.M, c.E = granted, at + 3 * w.p end
end

local KIND = {}

-- fixed
KIND.F = {
  new = function(w)
    return {k = 'F', u = 0, l = 0, ns = w.ns, ne = w.ne, s = w.s, e = w.e, a = w.a, g = w.g, m = w.lm, P = w.P, z = w.z}
  end,
  look = function(c, w)
    if w.ns > c.ns then
      note(c, w, c.u - c.l, c.e)
      c.u = w.ns == c.ne and c.l or 0
      c.l = 0
      c.ns, c.ne, c.s, c.e, c.a, c.g = w.ns, w.ne, w.s, w.e, w.a, w.g
    elseif w.ns == c.ns then -- an earlier one is that of a process whose clock is behind
      c.s, c.e, c.a, c.g = w.s, w.e, w.a, w.g
    end
  end,
  charge = function(c, w, n)
    take_from(c, n)
    if c.g > 0 and now >= c.e - 2 * c.g then c.l = c.l + n end
  end,
  correct = function(c, w, delta, at)
    if at >= c.s - 2 * c.g then
      c.u = c.u + delta
      if c.g > 0 and at >= c.e - 2 * c.g then c.l = c.l + delta end
    end
    correct_cap(c, delta, at)
  end,
  frees_at = function(c, w, excess)
    if c.l > 0 and excess > c.u - c.l then return w.n end
    return c.e
  end,
  ends_at = function(c) return c.e end,
  surely_full = function(c, w, limit) return c.u - c.l >= limit and now - c.s >= 3 and now < c.e - 3 end,
}

-- rolling: B holds index, amount and time of the latest charge of each sub-bucket, in turn
local function put(c, w, amount, at)
  local B, index = c.B, floor(floor(at * 60) / w.p)
  local i = #B - 2
  while i > 0 and B[i] > index do i = i - 3 end
  if i > 0 and B[i] == index then
    B[i + 1] = B[i + 1] + amount
    if at > B[i + 2] then B[i + 2] = at end
  else
    i = i < 0 and 0 or i
    local place = i > 0 and i + 3 or 1
    table.insert(B, place, at)
    table.insert(B, place, amount)
    table.insert(B, place, index)
  end
end

KIND.R = {
  new = function(w) return {k = 'R', u = 0, B = {}, P = w.P, g = w.g} end,
  look = function(c, w)
    local lasts, B, ended = w.p + w.g, c.B, false
    c.g = w.g
    for i = 1, #B, 3 do
      if B[i + 2] + lasts <= now then ended = true end
    end
    if not ended then return end
    local kept = {}
    for i = 1, #B, 3 do
      local ended_at = B[i + 2] + lasts
      if ended_at <= now then
        local answered = 0
        for k = 1, #kept, 3 do
          if kept[k + 2] <= ended_at - 5 then answered = answered + kept[k + 1] end
        end
        for k = i, #B, 3 do
          if B[k + 2] <= ended_at - 5 then answered = answered + B[k + 1] end
        end
        note(c, w, answered, ended_at)
        c.u = c.u - B[i + 1]
      else
        kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = B[i], B[i + 1], B[i + 2]
      end
    end
    c.B = kept
  end,
  charge = function(c, w, n)
    take_from(c, n)
    put(c, w, n, now)
  end,
  correct = function(c, w, delta, at)
    c.u = c.u + delta
    put(c, w, delta, at)
    correct_cap(c, delta, at)
  end,
  frees_at = function(c, w, excess)
    local B = c.B
    for i = 1, #B, 3 do
      excess = excess - B[i + 1]
      if excess <= 0 then return B[i + 2] + w.p + w.g end
    end
    return now + w.p + w.g
  end,
  ends_at = function(c, w) return now + w.p + w.g end,
  surely_full = function(c, w, limit)
    local B, certain, counting = c.B, now - (w.p + w.g) + 1, 0
    for i = 1, #B, 3 do
      if B[i + 2] > certain then counting = counting + B[i + 1] end
      if B[i + 2] > now - 0.5 then return false end
    end
    return counting >= limit
  end,
}

-- from its first use: s began, e ends; without e none runs, and s is when the next may begin
local function stop(c) c.u, c.e = 0, nil end
local function begin(c, w, at) c.s, c.e = at, at + w.p end

KIND.U = {
  new = function(w) return {k = 'U', u = 0, P = w.P} end,
  look = function(c)
    if c.e and now >= c.e then
      c.s = c.e
      stop(c)
    end
  end,
  charge = function(c, w, n)
    take_from(c, n)
    if n ~= 0 and not c.e then begin(c, w, now) end
  end,
  correct = function(c, w, delta, at)
    correct_cap(c, delta, at)
    if c.s and at < c.s then return end
    c.u = c.u + delta
    if c.u <= 0 then stop(c) elseif not c.e then begin(c, w, at) end
  end,
  frees_at = function(c, w) return c.e or now + w.p end,
  ends_at = function(c, w) return c.e or now + w.p end,
}

-- spacing: C holds pairs of time and amount; g margin, f the one it began with, N narrower, L latest and V the one before
local function by_time(one, other) return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2]) end

local function put_charge(c, amount, at)
  local C = c.C
  local is_late = #C > 0 and at < C[#C][1]
  C[#C + 1] = {at, amount}
  if is_late then table.sort(C, by_time) end
end

KIND.S = {
  new = function(w) return {k = 'S', u = 0, g = w.g, f = w.g, N = 0.98, C = {}} end,
  look = function(c)
    while #c.C > 0 and c.C[1][1] + 1 + c.g <= now do c.u = c.u - table.remove(c.C, 1)[2] end
  end,
  charge = function(c, w, n)
    take_from(c, n)
    c.g = max(0.02, c.g * c.N)
    c.V, c.L = c.L, now
    put_charge(c, n, now)
  end,
  correct = function(c, w, delta, at)
    correct_cap(c, delta, at)
    c.u = c.u + delta
    put_charge(c, delta, at)
  end,
  frees_at = function(c, w, excess)
    for _, charge in ipairs(c.C) do
      excess = excess - charge[2]
      if excess <= 0 then return charge[1] + 1 + c.g end
    end
    return now + 1 + c.g
  end,
  ends_at = function(c) return now + 1 + c.g end,
  refused = function(c)
    c.g = min(1, c.g * (c.N == 0.98 and 1.6 or 1.3) + 0.02)
    c.N = 0.9995
  end,
  begin_anew = function(c) c.g, c.N = c.f, 0.98 end,
  surely_full = function(c, w, limit)
    local certain, counting = now - 0.5, 0
    for _, charge in ipairs(c.C) do
      if charge[1] > certain then counting = counting + charge[2] end
    end
    return counting >= limit
  end,
}

-- calls at a time: H holds, by grant, the amount and until when its process is believed to live
KIND.H = {
  new = function() return {k = 'H', u = 0, H = {}} end,
  look = function(c)
    for id, held in pairs(c.H) do
      if held[2] <= real then
        c.u = max(c.u - held[1], 0)
        c.H[id] = nil
      end
    end
  end,
  charge = function(c, w, n, id)
    take_from(c, n)
    if id then c.H[id] = {n, real + a.lease} end
  end,
  correct = function(c, w, delta, at, id)
    if id then
      if not c.H[id] then return end -- it was believed to be over
      c.H[id] = nil
    end
    c.u = max(c.u + delta, 0)
    correct_cap(c, delta, at)
  end,
  frees_at = function() return now + 1 end,
  ends_at = function() return now + 1 end,
}

-- what is given once
KIND.O = {
  new = function() return {k = 'O', u = 0} end,
  look = function() end,
  charge = function(c, w, n) take_from(c, n) end,
  correct = function(c, w, delta, at)
    c.u = max(c.u + delta, 0)
    correct_cap(c, delta, at)
  end,
  frees_at = function() return now + DAY_S end,
  ends_at = function() return now + DAY_S end,
}
