-- ARGV[2]: JSON {connections, channels: [[name, subscriptions]], members: [[channel, user, information]]}
-- Says everything about one process at once; whatever else was known about it is no longer so.
local state = cjson.decode(ARGV[2])
local moment = wake()
redis.call('ZADD', key('nodes'), moment + LEASE, node)
redis.call('SREM', key('graves'), node)
redis.call('HSET', key('load'), node, state.connections)
local wanted = {}
for _, member in ipairs(state.members) do
  wanted[member[1] .. '\n' .. member[2]] = true
end
for _, entry in ipairs(redis.call('SMEMBERS', key('held', node))) do
  if not wanted[entry] then
    local channel, user = split(entry)
    release(channel, user, node)
  end
end
for _, member in ipairs(state.members) do
  hold(member[1], member[2], member[3])
end
redis.call('DEL', key('subs', node))
for _, channel in ipairs(state.channels) do
  count(channel[1], channel[2])
end
return #alive()
