-- The second step of a change: appends to the stream, stores the head, publishes; all or nothing.
-- KEYS: state, head, stream. ARGV: fence's incarnation and token, stream epoch, the sequence before, the sequence, head,
-- channel, message, most messages of the stream, most bytes of it.
-- Answers {'done'}, {'fenced', incarnation, token} or {'out of step', head}.
local state = redis.call('HMGET', KEYS[1], 'Fence:Incarnation', 'Fence:Token', 'StreamEpoch', 'Sequence', 'StreamBytes')
if state[1] and pair_below(ARGV[1], ARGV[2], state[1], state[2]) then
  return {'fenced', state[1], state[2]}
end
local head = state[3] and redis.call('GET', KEYS[2])
if not head or state[3] ~= ARGV[3] or state[4] ~= ARGV[4] then
  redis.call('HSET', KEYS[1], 'Fence:Incarnation', ARGV[1], 'Fence:Token', ARGV[2])
  return {'out of step', head}
end
redis.call('XADD', KEYS[3], ARGV[5] .. '-0', 'message', ARGV[8])
local count, bytes = redis.call('XLEN', KEYS[3]), tonumber(state[5] or '0') + #ARGV[8]
while count > 1 and (count > tonumber(ARGV[9]) or bytes > tonumber(ARGV[10])) do
  local oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1]
  redis.call('XDEL', KEYS[3], oldest[1])
  count, bytes = count - 1, bytes - #oldest[2][2]
end
if count == 1 then
  bytes = #ARGV[8]
end
redis.call('HSET', KEYS[1], 'Fence:Incarnation', ARGV[1], 'Fence:Token', ARGV[2], 'Sequence', ARGV[5], 'StreamBytes', bytes)
redis.call('SET', KEYS[2], ARGV[6])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return {'done'}
