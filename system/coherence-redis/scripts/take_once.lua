-- Takes a thing away. KEYS: it. Answers it, or nothing.
local found = redis.call('GET', KEYS[1])
if found then
  redis.call('DEL', KEYS[1])
end
return found
