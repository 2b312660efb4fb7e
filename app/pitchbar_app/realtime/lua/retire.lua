-- One process is leaving. Its members stay for a moment: whoever connects to another process meanwhile never left.
if redis.call('ZSCORE', key('nodes'), node) then
  redis.call('ZADD', key('nodes'), now() + GRACE, node)
end
redis.call('DEL', key('subs', node))
redis.call('HDEL', key('load'), node)
return 1
