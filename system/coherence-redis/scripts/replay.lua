-- What follows in the stream.
-- KEYS: state, stream. ARGV: stream epoch, after, the sequence that follows it, most messages.
-- Answers {'messages', message, ...} or {'out of reach'}.
local state = redis.call('HMGET', KEYS[1], 'StreamEpoch', 'Sequence')
if state[1] ~= ARGV[1] or below(state[2], ARGV[2]) then
  return {'out of reach'}
end
local answer = {'messages'}
if state[2] == ARGV[2] then
  return answer
end
local first = ARGV[3] .. '-0'
local entries = redis.call('XRANGE', KEYS[2], first, '+', 'COUNT', ARGV[4])
if #entries == 0 or entries[1][1] ~= first then
  return {'out of reach'}
end
for place, entry in ipairs(entries) do
  answer[place + 1] = entry[2][2]
end
return answer
