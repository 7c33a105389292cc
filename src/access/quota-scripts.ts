import { clockSkewMs } from './retry-after.ts';
import { maxCountDigits } from './usage.ts';

/*
 * The scripts of the ledger. Its fields, in one hash per developer account:
 *
 *   closed <target>      "<until> <kind> <time of the 429>": calls of this target are paused
 *   probe <target>       until when a call probes whether the closure is over
 *   answered <endpoint>  "<when> <family>"
 *   refused <family>     "<calls in 24 hours> <when>", at the last 429 because of the quota
 *   good <family>        the most calls in 24 hours without a 429
 *   day <family>         the calls in 24 hours at the latest call, which become "good" at the first call of a later hour
 *   reserved <family> <id>  "<calls> <until>": set aside for work in progress
 *   same <family>        "<when> <family>": the two share a quota, so their calls count together
 *
 * And in the hash of counts: <family> <hour>, the number of calls. All times are milliseconds since 1970, hours are whole ones since 1970.
 */

// A field may contain anything. One that is damaged counts as absent here, and is removed when the whole ledger is read.
// Each script that starts with this has the time as its first argument.
const closureIn = `
  local latestPast = tonumber(ARGV[1]) + ${clockSkewMs}
  local kinds = {rate = true, quota = true, assumed = true, gone = true, suspect = true}
  local function closureIn(target, latest)
    local record = redis.call('HGET', KEYS[1], 'closed ' .. target)
    if not record then return nil end
    local untilMs, kind, at = string.match(record, '^(%d+) (%l+) (%d+)$')
    untilMs, at = tonumber(untilMs), tonumber(at)
    -- safeguard: known-closures-in-scripts
    if not untilMs or not kinds[kind] or at > latestPast then return nil end
    -- safeguard: longest-cooldown-in-scripts
    if untilMs > latest then return nil end
    return untilMs, kind, at, record
  end`;

/** Of the oldest hour, only the part in the last 24 hours counts, as in usage.ts. */
const callsIn24Hours = `
  local function countIn(text)
    -- safeguard: largest-count-in-scripts
    return text and #text <= ${maxCountDigits} and string.match(text, '^%d+$') and tonumber(text) or 0
  end
  local function callsIn24Hours(family, hour)
    local fields = {}
    for ago = 0, 24 do fields[#fields + 1] = family .. ' ' .. (hour - ago) end
    local counts = redis.call('HMGET', KEYS[2], unpack(fields))
    local calls = math.ceil(countIn(counts[25]) * (1 - tonumber(ARGV[1]) % 3600000 / 3600000))
    for index = 1, 24 do calls = calls + countIn(counts[index]) end
    return calls
  end`;

/**
 * Returns whether a call may be made: during a closure it may not; after its end one call probes, and the others wait until that has succeeded.
 * Counts the call if it may. A Redis that refuses writes neither counts nor lets one call probe first, but still answers.
 *
 * Arguments: now, hour, family, endpoint, longest probe, furthest end of a closure, TTLs of the ledger and of the counts.
 */
export const acquireScript = `${closureIn}${callsIn24Hours}
  local now, hour, family = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
  local latest = now + tonumber(ARGV[6])
  local ended = {}
  for _, target in ipairs({'all', family, ARGV[4]}) do
    local untilMs, _, _, record = closureIn(target, latest)
    if untilMs then
      -- safeguard: cooldown
      if untilMs > now then return {'closed', target, record} end
      ended[#ended + 1] = {target, record}
    end
  end
  local reply = {'free'}
  for _, one in ipairs(ended) do
    local probe = tonumber(redis.call('HGET', KEYS[1], 'probe ' .. one[1]))
    -- safeguard: probe-ttl
    -- safeguard: single-probe
    if probe and probe > now and probe <= now + tonumber(ARGV[5]) then return {'probed elsewhere', one[1], one[2]} end
  end
  for _, one in ipairs(ended) do
    reply[1] = 'probe'
    reply[#reply + 1] = one[1]
    reply[#reply + 1] = one[2]
    redis.pcall('HSET', KEYS[1], 'probe ' .. one[1], now + tonumber(ARGV[5]))
  end

  local field = family .. ' ' .. hour
  local counted = redis.pcall('HINCRBY', KEYS[2], field, 1)
  -- A Redis without memory or a writable disk fails as well, and then the count is right.
  -- safeguard: replace-invalid-count
  if type(counted) == 'table' and string.find(counted.err or '', 'not an integer', 1, true) then
    redis.pcall('HDEL', KEYS[2], field)
    redis.pcall('HINCRBY', KEYS[2], field, 1)
  end
  redis.pcall('PEXPIRE', KEYS[2], ARGV[8])
  if counted == 1 then
    -- The first call of this hour: the day that ended with the last call of an earlier one had no 429.
    local calls = countIn(redis.call('HGET', KEYS[1], 'day ' .. family))
    -- safeguard: learn-known-good
    if calls > countIn(redis.call('HGET', KEYS[1], 'good ' .. family)) then
      redis.pcall('HSET', KEYS[1], 'good ' .. family, calls)
    end
  end
  local limitHitAt = tonumber(string.match(redis.call('HGET', KEYS[1], 'refused ' .. family) or '', ' (%d+)$'))
  if not (limitHitAt and limitHitAt > now - 25 * 3600000 and limitHitAt <= latestPast) then
    redis.pcall('HSET', KEYS[1], 'day ' .. family, callsIn24Hours(family, hour))
    redis.pcall('PEXPIRE', KEYS[1], ARGV[7])
  end
  return reply`;

/**
 * Records a 429, and returns the target that it closes, and until when. Never shortens a closure.
 *
 * - Without a reason, it closes all families; but if an endpoint has never answered and others of its family do, it is probably gone;
 *   if it still gets a 429 after that, it is only tried once an hour.
 * - "QUOTA_EXCEEDED" closes the family. Families that hit their limits within five minutes, until nearly the same time, share a quota: that is
 *   remembered of two, and if there are three, all families are closed. Only times that Spotify named are compared. The next call of every
 *   other family probes. A 429 for a probe says nothing about the size of a quota, because other calls have used it up.
 *
 * Arguments: now, hour, family, endpoint, kind, until, furthest end of a closure, TTL, whether it was a probe, until when an endpoint that
 * got a 429 before is closed, all families.
 */
export const closeScript = `${closureIn}${callsIn24Hours}
  local now, hour, family, endpoint, kind = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
  local untilMs, latest = tonumber(ARGV[6]), tonumber(ARGV[1]) + tonumber(ARGV[7])
  local endsAt = ARGV[6]
  local function close(target, why)
    redis.call('HDEL', KEYS[1], 'probe ' .. target)
    if tonumber(endsAt) > (closureIn(target, latest) or 0) then
      redis.call('HSET', KEYS[1], 'closed ' .. target, endsAt .. ' ' .. why .. ' ' .. ARGV[1])
    end
  end
  local earlierUntil, earlier = closureIn(endpoint, latest)
  local wasGone = earlier == 'gone'
  -- Several calls may have been under way at the first 429.
  local isGoneAgain = wasGone and earlierUntil <= now
  local function isGone()
    -- safeguard: endpoint-gone
    local answeredAt = tonumber(string.match(redis.call('HGET', KEYS[1], 'answered ' .. endpoint) or '', '^(%d+) %S+$'))
    if answeredAt and answeredAt <= latestPast then return false end
    if wasGone then return true end
    local fields = redis.call('HGETALL', KEYS[1])
    for index = 1, #fields, 2 do
      local at, of = string.match(fields[index + 1], '^(%d+) (%S+)$')
      local isAnswer = string.sub(fields[index], 1, 9) == 'answered '
      if isAnswer and of == family and tonumber(at) > now - 3600000 and tonumber(at) <= latestPast then return true end
    end
    return false
  end
  local function sharesQuota(other)
    for _, pair in ipairs({{family, other}, {other, family}}) do
      local at, with = string.match(redis.call('HGET', KEYS[1], 'same ' .. pair[1]) or '', '^(%d+) (%S+)$')
      at = tonumber(at)
      if with == pair[2] and at > now - 30 * 86400000 and at <= latestPast then return true end
    end
    return false
  end

  local function learn()
    local calls = callsIn24Hours(family, hour)
    for index = 11, #ARGV do
      -- safeguard: count-shared-quota-together
      if ARGV[index] ~= family and sharesQuota(ARGV[index]) then calls = calls + callsIn24Hours(ARGV[index], hour) end
    end
    redis.call('HSET', KEYS[1], 'refused ' .. family, calls .. ' ' .. now)
    redis.call('HDEL', KEYS[1], 'day ' .. family)
    -- This many are no longer known to be good.
    if countIn(redis.call('HGET', KEYS[1], 'good ' .. family)) >= calls then
      redis.call('HSET', KEYS[1], 'good ' .. family, math.max(0, calls - 1))
    end
  end

  local closed = family
  if kind == 'rate' then
    closed = isGone() and endpoint or 'all'
    -- safeguard: ask-rarely-for-gone-endpoints
    if closed == endpoint and isGoneAgain then endsAt = ARGV[10] end
    close(closed, closed == 'all' and 'rate' or 'gone')
  else
    local alike = {}
    for index = 11, #ARGV do
      local other = ARGV[index]
      local otherUntil, otherKind, at = closureIn(other, latest)
      -- safeguard: compare-named-times-only
      local isClosed = kind == 'quota' and otherKind == 'quota' and otherUntil > now
      if other ~= family and isClosed and now - at <= 300000 and math.abs(otherUntil - untilMs) <= 60000 then
        alike[#alike + 1] = other
      elseif other ~= family and not otherUntil then
        -- safeguard: suspect-other-families
        redis.call('HSET', KEYS[1], 'closed ' .. other, now .. ' suspect ' .. now)
      end
    end
    close(family, kind)
    if #alike == 1 then
      local other = alike[1]
      redis.call('HSET', KEYS[1], 'same ' .. family, now .. ' ' .. other)
      -- The other's count at its 429 lacks this family's calls. The call that got this one came after it.
      local at = string.match(redis.call('HGET', KEYS[1], 'refused ' .. other) or '', '^%d+ (%d+)$')
      local calls = callsIn24Hours(family, hour) + callsIn24Hours(other, hour) - 1
      -- safeguard: learn-limit-of-pair
      if at then redis.call('HSET', KEYS[1], 'refused ' .. other, calls .. ' ' .. at) end
    end
    -- safeguard: learn-from-no-probe
    if ARGV[9] == '0' then learn() end
    -- safeguard: three-families-close-all
    if #alike > 1 then
      close('all', 'quota')
      closed = 'all'
    end
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[8])
  return {closed, string.format('%.0f', math.max(tonumber(endsAt), closureIn(closed, latest) or 0))}`;

/**
 * Ends closures, or releases their probes, unless they have been replaced since the probe began.
 *
 * Arguments: "end" or "release", then targets and their records in turn.
 */
export const endProbeScript = `
  for index = 2, #ARGV, 2 do
    local target = ARGV[index]
    -- safeguard: end-own-cooldown-only
    if redis.call('HGET', KEYS[1], 'closed ' .. target) == ARGV[index + 1] then
      redis.call('HDEL', KEYS[1], 'probe ' .. target)
      if ARGV[1] == 'end' then redis.call('HDEL', KEYS[1], 'closed ' .. target) end
    end
  end
  return 1`;

/** Argument: the field of a count that was one too high. */
export const uncountScript = `
  if (tonumber(redis.call('HGET', KEYS[1], ARGV[1])) or 0) > 0 then redis.call('HINCRBY', KEYS[1], ARGV[1], -1) end
  return 1`;

/** Sets fields, unless Redis refuses writes, and returns all as they were before. Arguments: TTL, then fields and their values in turn. */
export const reserveScript = `
  local before = redis.call('HGETALL', KEYS[1])
  redis.pcall('HSET', KEYS[1], unpack(ARGV, 2))
  redis.pcall('PEXPIRE', KEYS[1], ARGV[1])
  return before`;

/** Arguments: endpoint, when and of which family, TTL. */
export const answeredScript = `
  redis.call('HSET', KEYS[1], 'answered ' .. ARGV[1], ARGV[2])
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;
