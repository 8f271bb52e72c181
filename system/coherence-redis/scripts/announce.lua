-- Stores the head and publishes it. A head of another epoch begins that epoch.
-- KEYS: state, head, stream. ARGV: fence's incarnation and token, stream epoch, sequence, head, channel.
-- Answers {'done'}, {'fenced', incarnation, token} or {'out of step', head}.
local state = redis.call('HMGET', KEYS[1], 'Fence:Incarnation', 'Fence:Token', 'StreamEpoch', 'Sequence')
if state[1] and pair_below(ARGV[1], ARGV[2], state[1], state[2]) then
  return {'fenced', state[1], state[2]}
end
redis.call('HSET', KEYS[1], 'Fence:Incarnation', ARGV[1], 'Fence:Token', ARGV[2])
local head = state[3] and redis.call('GET', KEYS[2])
local continued = head and state[3] == ARGV[3]
if ARGV[4] ~= (continued and state[4] or '0') then
  return {'out of step', head}
end
if not continued then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[1], 'StreamEpoch', ARGV[3], 'Sequence', ARGV[4], 'StreamBytes', 0)
end
redis.call('SET', KEYS[2], ARGV[5])
redis.call('PUBLISH', ARGV[6], ARGV[5])
return {'done'}
