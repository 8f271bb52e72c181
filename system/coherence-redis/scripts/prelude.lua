-- Goes before each script. Numbers are decimal text without leading zeros: a number of Lua holds 53 bits only.
local function below(a, b)
  if #a ~= #b then
    return #a < #b
  end
  return a < b
end

-- Whether the pair (a1, a2) is below the pair (b1, b2).
local function pair_below(a1, a2, b1, b2)
  if a1 ~= b1 then
    return below(a1, b1)
  end
  return below(a2, b2)
end

-- Lets a key live for so many ms from now on, if it would not anyway.
local function live(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then
    redis.call('PEXPIRE', key, ms)
  end
end
