-- ARGV[2]: a presence channel. The result: the ids of its members on all processes.
local _, users = members(ARGV[2])
return users
