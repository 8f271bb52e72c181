-- A new writer takes the section.
-- KEYS: state, head. ARGV: fence's incarnation and token. Answers {'held', head} or {'fenced', incarnation, token}.
local state = redis.call('HMGET', KEYS[1], 'Fence:Incarnation', 'Fence:Token', 'StreamEpoch')
if state[1] and pair_below(ARGV[1], ARGV[2], state[1], state[2]) then
  return {'fenced', state[1], state[2]}
end
redis.call('HSET', KEYS[1], 'Fence:Incarnation', ARGV[1], 'Fence:Token', ARGV[2])
return {'held', state[3] and redis.call('GET', KEYS[2])}
