-- Answers that are kept, with bounds for each client key and for all. All keys begin with ARGV[1], whose hash tag holds them in one slot:
--   a:CLIENT:ID  hash: an answer's parts, and until when    of:CLIENT  sorted set: a key's answers, the oldest first
--   all          sorted set of all of them                  sizes, used  hashes: of each answer; of each key, and of all
-- ARGV: root, act, now, milliseconds that an answer lives, most of all, most of one; then client, id, and what is put: size, until, parts.
-- Returns 1 where the answer is (or was) there, for "size" the bytes of all.
local root, act, now, lives = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local all, sizes, used = root .. 'all', root .. 'sizes', root .. 'used'

local function bytes_of(whose)
  return tonumber(redis.call('HGET', used, whose) or 0)
end

local function remove(name)
  local size = tonumber(redis.call('HGET', sizes, name) or -1)
  if size < 0 then
    redis.call('ZREM', all, name)
    return 0
  end
  local client = string.match(name, '^(%d+):')
  redis.call('DEL', root .. 'a:' .. name)
  redis.call('HDEL', sizes, name)
  redis.call('ZREM', all, name)
  redis.call('ZREM', root .. 'of:' .. client, name)
  redis.call('HINCRBY', used, 'all', -size)
  if redis.call('HINCRBY', used, client, -size) <= 0 then
    redis.call('HDEL', used, client)
  end
  return 1
end

local function oldest(of)
  return redis.call('ZRANGE', of, 0, 0)[1]
end

local name = oldest(all)
while name do
  local till = redis.call('HGET', root .. 'a:' .. name, 'until')
  if till and tonumber(till) > now then
    break
  end
  remove(name)
  name = oldest(all)
end
if act == 'size' then
  return bytes_of('all')
end

local client, id = ARGV[7], ARGV[8]
name = client .. ':' .. id
local was_there = remove(name)
if act == 'drop' then
  return was_there
end

local own, size = root .. 'of:' .. client, tonumber(ARGV[9])
while bytes_of(client) + size > tonumber(ARGV[6]) and oldest(own) do
  remove(oldest(own))
end
while bytes_of('all') + size > tonumber(ARGV[5]) and oldest(all) do
  remove(oldest(all))
end
local turn = redis.call('HINCRBY', used, 'turn', 1)
local answer = {'HSET', root .. 'a:' .. name, 'until', ARGV[10]}
for part = 11, #ARGV do
  answer[#answer + 1] = part - 11
  answer[#answer + 1] = ARGV[part]
end
redis.call(unpack(answer))
redis.call('HSET', sizes, name, size)
redis.call('HINCRBY', used, client, size)
redis.call('HINCRBY', used, 'all', size)
redis.call('ZADD', own, turn, name)
redis.call('ZADD', all, turn, name)
for _, key in ipairs({root .. 'a:' .. name, own, all, sizes, used}) do
  redis.call('PEXPIRE', key, lives)
end
return 1
