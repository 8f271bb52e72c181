-- Makes room for one more of an owner's things, if it has fewer unused ones than it may.
-- KEYS: the owner's names by their end. ARGV: name, life in ms, most names. Answers 'kept' or 'too many'.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 'too many'
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
live(KEYS[1], ARGV[2])
return 'kept'
