-- ARGV[2]: how many clients are connected to this process; ARGV[3]: how many members to remove at most
-- Says that one process lives, and removes the members of those that do not. The result: 0 when this process is not
-- known (any more) and must announce itself, else how many processes there are; and the clients of all others.
local moment = wake()
local known = redis.call('ZSCORE', key('nodes'), node)
if known then
  redis.call('ZADD', key('nodes'), moment + LEASE, node)
  redis.call('HSET', key('load'), node, ARGV[2])
end
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', key('nodes'), '-inf', moment)) do
  redis.call('ZREM', key('nodes'), dead)
  redis.call('HDEL', key('load'), dead)
  redis.call('DEL', key('subs', dead))
  redis.call('SADD', key('graves'), dead)
end
local left = tonumber(ARGV[3])
for _, dead in ipairs(redis.call('SMEMBERS', key('graves'))) do
  for _, entry in ipairs(redis.call('SRANDMEMBER', key('held', dead), left)) do
    local channel, user = split(entry)
    release(channel, user, dead)
    left = left - 1
  end
  if redis.call('EXISTS', key('held', dead)) == 0 then
    redis.call('SREM', key('graves'), dead)
  end
end
local elsewhere = 0
for _, connections in ipairs(redis.call('HVALS', key('load'))) do
  elsewhere = elsewhere + tonumber(connections)
end
return {known and #alive() or 0, elsewhere - (known and tonumber(ARGV[2]) or 0)}
