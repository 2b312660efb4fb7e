-- ARGV[2]: a prefix, or JSON of the names that are wanted; ARGV[3]: 1 for these names, 0 for the prefix;
-- ARGV[4]: 1 to count the users of presence channels too
-- The result: name, subscriptions, users (-1 where they are not counted) of each channel that has any subscription.
local totals, names, wanted = {}, {}, nil
if ARGV[3] == '1' then
  wanted = {}
  for _, name in ipairs(cjson.decode(ARGV[2])) do
    wanted[name] = true
  end
end
for _, other in ipairs(alive()) do
  local subscriptions = redis.call('HGETALL', key('subs', other))
  for i = 1, #subscriptions, 2 do
    local name = subscriptions[i]
    local fits = wanted and wanted[name] or not wanted and string.sub(name, 1, #ARGV[2]) == ARGV[2]
    if fits then
      if not totals[name] then
        totals[name] = 0
        names[#names + 1] = name
      end
      totals[name] = totals[name] + tonumber(subscriptions[i + 1])
    end
  end
end
local found = {}
for _, name in ipairs(names) do
  local users = -1
  if ARGV[4] == '1' and string.sub(name, 1, 9) == 'presence-' then
    local _, listed = members(name)
    users = #listed
  end
  found[#found + 1] = {name, totals[name], users}
end
return found
