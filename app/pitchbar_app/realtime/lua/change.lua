-- ARGV[2]: JSON {channels: [[name, subscriptions]], members: [[channel, user, information or false]], rosters: [name]}
-- Says what has changed on one process, and sends it the rosters that it wants. 0 when the process is not known
-- (any more): then it must announce itself.
if not redis.call('ZSCORE', key('nodes'), node) then
  return 0
end
local changes = cjson.decode(ARGV[2])
for _, member in ipairs(changes.members) do
  if member[3] then
    hold(member[1], member[2], member[3])
  else
    release(member[1], member[2], node)
  end
end
for _, channel in ipairs(changes.channels) do
  count(channel[1], channel[2])
end
for _, channel in ipairs(changes.rosters) do
  local infos, users = members(channel)
  local listed = {}
  for i, user in ipairs(users) do
    listed[i] = {user, infos[user]}
  end
  redis.call('PUBLISH', key('node', node), cjson.encode({type = 'roster', channel = channel, members = listed}))
end
return 1
