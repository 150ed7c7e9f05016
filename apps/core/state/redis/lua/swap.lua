-- Replace fields of a hash (KEYS[2]) as long as nobody wrote to it since: `a.were` and `a.become` by name, raw; false for none.

for name, was in pairs(a.were) do
  if (redis.call('HGET', KEYS[2], name) or false) ~= was then return 0 end
end
for name, value in pairs(a.become) do
  if value then redis.call('HSET', KEYS[2], name, value) else redis.call('HDEL', KEYS[2], name) end
end
return 1
