-- Stores what was read from the source, if its token is still there and it is not below the latest version.
-- KEYS: value, versions. ARGV: fill token, incarnation, version id, stream epoch, age in ms, ttl in ms, tags, body,
-- life of the versions in ms. Answers 'stored' or 'refused'.
local TOKEN = 17
local held = redis.call('HMGET', KEYS[2], 'Incarnation:latest', 'VersionId:latest', 'FillTokens')
local tokens = held[3] or ''
local at = string.find(tokens, ARGV[1] .. ',', 1, true)
if not at then
  return 'refused'
end
-- Used up either way. Never removed here: the first write of a script is the one that is refused for want of memory.
redis.call('HSET', KEYS[2], 'FillTokens', string.sub(tokens, 1, at - 1) .. string.sub(tokens, at + TOKEN))
if held[1] and pair_below(ARGV[2], ARGV[3], held[1], held[2]) then
  return 'refused'
end
-- The token lay here all the while, so no change of the stream passed between the read and this: the version is exact.
redis.call('HSET', KEYS[2], 'Incarnation:latest', ARGV[2], 'VersionId:latest', ARGV[3], 'StreamEpoch', ARGV[4],
  'Value:Incarnation', ARGV[2], 'Value:VersionId', ARGV[3], 'Value:StreamEpoch', ARGV[4], 'Value:AgeMs', ARGV[5],
  'Value:TtlMs', ARGV[6], 'Value:Tags', ARGV[7])
redis.call('SET', KEYS[1], ARGV[8], 'PX', ARGV[6])
live(KEYS[2], ARGV[9])
return 'stored'
