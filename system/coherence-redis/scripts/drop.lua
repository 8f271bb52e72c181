-- A barrier without a version: deletes the value and every fill token.
-- KEYS: value, versions. Answers 'done'.
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], 'FillTokens')
return 'done'
