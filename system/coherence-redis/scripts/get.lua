-- Reads a key; a miss leaves a fill token. A hit writes nothing.
-- KEYS: value, versions. ARGV: fill token, stream epoch, life of the versions in ms, most tokens kept.
-- Answers {'hit', body, incarnation, version id, age in ms when stored, ms since then, tags}
-- or {'miss', latest incarnation, latest version id}.
local TOKEN = 17
local held = redis.call('HMGET', KEYS[2], 'Incarnation:latest', 'VersionId:latest', 'Value:Incarnation', 'Value:VersionId',
  'Value:StreamEpoch', 'Value:AgeMs', 'Value:TtlMs', 'Value:Tags', 'FillTokens')
local body = redis.call('GET', KEYS[1])
if body then
  local left = redis.call('PTTL', KEYS[1])
  local current = held[3] and held[5] == ARGV[2] and left >= 0
  if current and not (held[1] and pair_below(held[3], held[4], held[1], held[2])) then
    -- A clock that was set back makes the value live longer, never younger.
    local since = math.max(0, tonumber(held[7]) - left)
    return {'hit', body, held[3], held[4], held[6], since, held[8]}
  end
end
local tokens = held[9] or ''
if #tokens >= TOKEN * tonumber(ARGV[4]) then
  tokens = string.sub(tokens, TOKEN + 1)
end
redis.call('HSET', KEYS[2], 'FillTokens', tokens .. ARGV[1] .. ',')
live(KEYS[2], ARGV[3])
if body then
  -- What cannot be served is not kept: what another epoch left, or what lost its versions.
  redis.call('DEL', KEYS[1])
end
return {'miss', held[1], held[2]}
