-- The key has reached a version: raises the latest one, removes every fill token, deletes a value below it.
-- KEYS: value, versions. ARGV: incarnation, version id, life of the versions in ms. Answers 'done'.
local held = redis.call('HMGET', KEYS[2], 'Incarnation:latest', 'VersionId:latest', 'Value:Incarnation', 'Value:VersionId')
if not held[1] or pair_below(held[1], held[2], ARGV[1], ARGV[2]) then
  redis.call('HSET', KEYS[2], 'Incarnation:latest', ARGV[1], 'VersionId:latest', ARGV[2])
end
redis.call('HDEL', KEYS[2], 'FillTokens')
-- A value that lost its versions cannot be compared.
if not held[3] or pair_below(held[3], held[4], ARGV[1], ARGV[2]) then
  redis.call('DEL', KEYS[1])
end
live(KEYS[2], ARGV[3])
return 'done'
