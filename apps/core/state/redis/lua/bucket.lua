-- bucket: v level at A, r rate, T what of it was told, a what of it is set aside for others, S when it is stale
local function empty(c)
  c.v, c.a, c.u, c.S = 0, 0, 0, nil
end

local function falls_to(c, w, count)
  if c.r ~= 0 then return c.A + (c.v - count) / c.r end
  return c.A + w.p
end

local function round_up(c, w)
  local slack = c.r * 1e-6
  if c.v <= slack then
    empty(c)
    return
  end
  c.u = ceil(c.v - slack)
  c.S = falls_to(c, w, c.u - 1)
end

local function set_aside(c, w, n)
  local aside = n >= 1 and n or 0
  c.v = c.v + aside - (c.a or 0)
  c.a = aside
  round_up(c, w)
end

local function drain(c, w, limit)
  c.r = limit / w.p
  local passed = max(now - c.A, 0)
  if limit > 0 then
    local back = c.r * passed
    if c.T ~= 0 then c.T = c.T * (c.v ~= 0 and max(1 - back / c.v, 0) or 0) end
    c.v = c.v - back
    c.a = min(c.a or 0, max(c.v, 0))
    c.A = c.A + passed
  elseif passed >= w.p then
    c.v = 0
  end
  round_up(c, w)
end

local function add(c, n)
  c.v = c.v + n
  if c.v <= 0 then
    empty(c)
  elseif not c.S then
    c.S = c.A
  end
end

KIND.B = {
  new = function(w) return {k = 'B', u = 0, v = 0, A = now, r = w.l / w.p, T = 0, a = 0, P = w.P, g = w.g} end,
  look = function(c, w, limit)
    c.g = w.g
    if c.S and now >= c.S then drain(c, w, limit) end
  end,
  charge = function(c, w, n)
    if (c.a or 0) ~= 0 then set_aside(c, w, c.a * 0.98) end
    take_from(c, n)
    if c.v == 0 then
      c.A = now + w.g
    elseif w.g > 0 and c.v - c.r * (now - c.A) <= c.r * w.g then
      c.v = c.v - max(c.r * (now - c.A), 0)
      c.A = now + w.g
    end
    add(c, n)
  end,
  correct = function(c, w, delta, at)
    correct_cap(c, delta, at)
    if delta > 0 and c.T ~= 0 then
      local known = min(floor(c.T), delta)
      c.T = c.T - known
      set_aside(c, w, max((c.a or 0) - known, 0))
      delta = delta - known
    end
    if c.v == 0 then c.A = max(c.A, at) end
    c.u = c.u + delta
    add(c, delta)
  end,
  frees_at = function(c, w, excess)
    if excess <= c.u then return falls_to(c, w, c.u - excess) end
    return now + w.p
  end,
  ends_at = function(c, w) return now + w.p end,
  surely_full = function(c, w, limit)
    drain(c, w, limit)
    return c.v >= limit - 0.4
  end,
  deny = function(c, w, level, again)
    local more = level - (c.v - (c.a or 0))
    if more > 0 then
      c.T = c.T + more
      c.v = c.v + more
      round_up(c, w)
      if again then set_aside(c, w, max(c.a or 0, min(more, 0.1 * c.r * w.p))) end
    end
  end,
  tighten = function(c, w, limit, remaining, resets_at)
    if limit == 0 then
      put_back_cap(c, limit, remaining, resets_at, now + w.p)
      return
    end
    drain(c, w, limit)
    local more, moved = limit - remaining - (c.v - (c.a or 0)), nil
    if more > max(3.2, 0.05 * limit) or (more > 0 and remaining == 0) then
      moved = more
    else
      moved = max(min(more, 0) / 2, -c.T)
    end
    c.T = c.T + moved
    c.v = c.v + moved
    round_up(c, w)
  end,
}
