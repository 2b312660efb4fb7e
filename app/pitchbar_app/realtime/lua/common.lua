-- What the processes of the realtime server know together. Every script begins with this file.
--
-- KEYS[1]            the prefix of every key; its braces keep them together on a cluster
-- ARGV[1]            the process that asks, sixteen hexadecimal digits
--
-- <prefix>:nodes     sorted set: each process, and until when (milliseconds) it counts as alive
-- <prefix>:graves    set: processes that are dead and whose members are still being removed
-- <prefix>:last      when any process was last heard; a gap means that Redis was away, not that they died
-- <prefix>:load      hash: how many clients are connected to each process
-- <prefix>:subs:P    hash: channel -> how many clients of process P are subscribed
-- <prefix>:held:P    set: "channel\nuser" of each member who has a connection to process P
-- <prefix>:in:C      hash: process .. user -> information, for each member of presence channel C
local node = ARGV[1]
local LEASE = 4000
local GRACE = 4000

local function key(...)
  return KEYS[1] .. ':' .. table.concat({...}, ':')
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function alive()
  return redis.call('ZRANGE', key('nodes'), 0, -1)
end

-- After a time without any process, which is after Redis was away, nobody is called dead before he could speak again.
local function wake()
  local moment = now()
  local last = tonumber(redis.call('GET', key('last')) or 0)
  if moment - last > LEASE / 2 then
    for _, other in ipairs(alive()) do
      redis.call('ZADD', key('nodes'), 'GT', moment + LEASE, other)
    end
  end
  redis.call('SET', key('last'), string.format('%d', moment))
  return moment
end

local function tell(kind, channel, user, info)
  local message = {type = kind, channel = channel, user = user, info = info}
  redis.call('PUBLISH', key('members'), cjson.encode(message))
end

local function held_elsewhere(channel, user, here)
  for _, other in ipairs(alive()) do
    if other ~= here and redis.call('HEXISTS', key('in', channel), other .. user) == 1 then
      return true
    end
  end
  return false
end

local function hold(channel, user, info)
  local new = redis.call('HSET', key('in', channel), node .. user, info) == 1
  redis.call('SADD', key('held', node), channel .. '\n' .. user)
  if new and not held_elsewhere(channel, user, node) then
    tell('added', channel, user, info)
  end
end

local function release(channel, user, holder)
  redis.call('HDEL', key('in', channel), holder .. user)
  redis.call('SREM', key('held', holder), channel .. '\n' .. user)
  if not held_elsewhere(channel, user, holder) then
    tell('removed', channel, user)
  end
end

local function split(entry)
  local at = string.find(entry, '\n', 1, true)
  return string.sub(entry, 1, at - 1), string.sub(entry, at + 1)
end

local function count(channel, subscriptions)
  if subscriptions > 0 then
    redis.call('HSET', key('subs', node), channel, subscriptions)
  else
    redis.call('HDEL', key('subs', node), channel)
  end
end

-- The members of a presence channel: user -> information, and the users in an order.
local function members(channel)
  local living, infos, users = {}, {}, {}
  for _, other in ipairs(alive()) do
    living[other] = true
  end
  local held = redis.call('HGETALL', key('in', channel))
  for i = 1, #held, 2 do
    local holder, user = string.sub(held[i], 1, 16), string.sub(held[i], 17)
    if living[holder] and infos[user] == nil then
      infos[user] = held[i + 1]
      users[#users + 1] = user
    end
  end
  return infos, users
end
