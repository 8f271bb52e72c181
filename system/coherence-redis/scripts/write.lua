-- The first step of a change, by the one writer of a section.
-- KEYS: value, versions. ARGV: fence's incarnation and token, incarnation, version id, stream epoch, life of the versions
-- in ms, '1' if there is a value, and of the value: incarnation, version id, stream epoch, age in ms, ttl in ms, tags, body.
-- Answers {'written'}, {'older', incarnation, version id} or {'fenced', incarnation, token}.
local held = redis.call('HMGET', KEYS[2], 'Incarnation:latest', 'VersionId:latest', 'Fence:Incarnation', 'Fence:Token')
if held[3] and pair_below(ARGV[1], ARGV[2], held[3], held[4]) then
  return {'fenced', held[3], held[4]}
end
redis.call('HSET', KEYS[2], 'Fence:Incarnation', ARGV[1], 'Fence:Token', ARGV[2], 'StreamEpoch', ARGV[5])
redis.call('HDEL', KEYS[2], 'FillTokens')
live(KEYS[2], ARGV[6])
if held[1] and pair_below(ARGV[3], ARGV[4], held[1], held[2]) then
  return {'older', held[1], held[2]}
end
redis.call('HSET', KEYS[2], 'Incarnation:latest', ARGV[3], 'VersionId:latest', ARGV[4])
if ARGV[7] == '1' then
  redis.call('HSET', KEYS[2], 'Value:Incarnation', ARGV[8], 'Value:VersionId', ARGV[9], 'Value:StreamEpoch', ARGV[10],
    'Value:AgeMs', ARGV[11], 'Value:TtlMs', ARGV[12], 'Value:Tags', ARGV[13])
  redis.call('SET', KEYS[1], ARGV[14], 'PX', ARGV[12])
else
  redis.call('DEL', KEYS[1])
end
return {'written'}
