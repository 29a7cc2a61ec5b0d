"""Scripts that Redis runs, each as one step, and the keys that they use.

A sandbox has two keys with one hash tag, so that a cluster keeps them together, and later a third one:

- `PREFIX:{NAME}:sandbox`, a hash: `generation`, `head`, `length`, `size` of the kept entries, `life`, and a
  field for each part, with a dot before its name.
- `PREFIX:{NAME}:entries`, a list: for each entry its token, its size in 4 bytes, and the rest of it. It may
  have a few more than are read.
- `PREFIX:{NAME}:end`: the time of its last entry, if it was ended. This tells it from one that was lost, and
  expires when the sandbox would have.

A sandbox of an earlier generation is as good as none. One of a later generation means that this server has
missed that the store lost what it kept.
"""

from collections.abc import Sequence
from hashlib import sha1

from mockserver.sandbox.log.log import MAX_BYTES, MAX_ENTRIES, TOKEN_BYTES

LOST, REFUSED, KEPT, KEPT_WITH_NEW_LIFE = -1, 0, 1, 2  # answers of APPEND
SPARE_ENTRIES, SPARE_BYTES = 64, 256 * 1024  # that a list may have too many of, so that it is cut rarely
GONE = 1  # of END
TIME = TOKEN_BYTES + 4 + 1  # the place of the time in an entry: the first item of its array
DAY = 24 * 60 * 60 * 1000  # milliseconds


class Script:
    """A script with its number of keys. The first argument after the keys is the generation."""

    def __init__(self, keys: int, source: str) -> None:
        self.keys, self.source = keys, source.strip()
        self.digest = sha1(self.source.encode()).hexdigest()
        SOURCES[self.digest] = self.source

    def __call__(self, *arguments: str | bytes | int) -> tuple[str | bytes | int, ...]:
        """Return the command that runs it."""
        return ("EVALSHA", self.digest, self.keys, *arguments)

    def on(
        self, keys: Sequence[str | bytes], arguments: Sequence[str | bytes | int]
    ) -> tuple[str | bytes | int, ...]:
        """Return the command that runs it on any number of keys."""
        return ("EVALSHA", self.digest, len(keys), *keys, *arguments)


SOURCES: dict[str, str] = {}  # by digest

# KEYS: for each chain of entries the two keys of its sandbox. ARGV: generation, then for each chain: head or
# '', the last token, size of the entries, life, end in ms or '', what to clear or '', number of entries, of
# removed fields, of fields and parts, then these: entries, removed fields, field, part, field, part ...
# Return an answer for each chain. Its first entries may be there already, if an answer was lost.
APPEND = Script(
    0,
    f"""
local function steps(command, hash, first, last)
  for i = first, last, 100 do redis.call(command, hash, unpack(ARGV, i, math.min(i + 99, last))) end
end
local function trim(list, count, size)
  while count > {MAX_ENTRIES} or (size > {MAX_BYTES} and count > 1) do
    local excess = math.max(count - {MAX_ENTRIES}, 1)
    for _, entry in ipairs(redis.call('LPOP', list, excess)) do
      size = size - struct.unpack('>I4', entry, {TOKEN_BYTES + 1})
    end
    count = count - excess
  end
  return size
end
local function append(hash, list, at, entries, removed, fields, last)
  local head, token, size, life, ends, cleared = unpack(ARGV, at, at + 5)
  local kept = redis.call('HMGET', hash, 'generation', 'head', 'length', 'size', 'life')
  if (kept[1] or '') > ARGV[1] then return {LOST} end
  if kept[1] ~= ARGV[1] then redis.call('DEL', hash, list) kept = {{}} end
  if kept[2] == token then return {KEPT_WITH_NEW_LIFE} end
  if (kept[2] or '') ~= head then
    local found = false
    while not found and entries < removed - 1 do
      found = string.sub(ARGV[entries], 1, {TOKEN_BYTES}) == kept[2]
      size = size - struct.unpack('>I4', ARGV[entries], {TOKEN_BYTES + 1})
      entries = entries + 1
    end
    if not found then return {REFUSED} end
  end
  if cleared ~= '' then
    for _, field in ipairs(redis.call('HKEYS', hash)) do
      if string.sub(field, 1, #cleared) == cleared then redis.call('HDEL', hash, field) end
    end
  end
  steps('HDEL', hash, removed, fields - 1)
  local count = redis.call('RPUSH', list, unpack(ARGV, entries, removed - 1))
  local length = (kept[3] or 0) + removed - entries
  size = (kept[4] or 0) + size
  if count > {MAX_ENTRIES + SPARE_ENTRIES} or size > {MAX_BYTES + SPARE_BYTES} then
    size = trim(list, count, size)
  end
  if last - fields > 100 then
    steps('HSET', hash, fields, last)
    fields = last + 1
  end
  redis.call('HSET', hash, 'head', token, 'length', length, 'size', size, unpack(ARGV, fields, last))
  if kept[5] == life then return {KEPT} end
  redis.call('HSET', hash, 'generation', ARGV[1], 'life', life)
  for _, key in ipairs({{hash, list}}) do
    if ends == '' then redis.call('PERSIST', key) else redis.call('PEXPIREAT', key, ends) end
  end
  return {KEPT_WITH_NEW_LIFE}
end
local at, answers = 2, {{}}
for i = 1, #KEYS, 2 do
  local entries = at + 9
  local removed = entries + ARGV[at + 6]
  local fields = removed + ARGV[at + 7]
  local last = fields + ARGV[at + 8] - 1
  table.insert(answers, append(KEYS[i], KEYS[i + 1], at, entries, removed, fields, last))
  at = last + 1
end
return answers
""",
)

_READ = f"""
local generation = redis.call('HGET', KEYS[1], 'generation') or ''
if generation > ARGV[1] then return {LOST} end
"""

# Return the fields and the entries.
LOAD = Script(
    2,
    f"""{_READ}
if generation ~= ARGV[1] then return false end
return {{redis.call('HGETALL', KEYS[1]), redis.call('LRANGE', KEYS[2], 0, -1)}}
""",
)

# ARGV: generation, head. Return the entries after the head, the latest first, and then that of the head.
NEWS = Script(
    2,
    f"""{_READ}
if generation ~= ARGV[1] then return false end
local newer, last = {{}}, redis.call('LLEN', KEYS[2]) - 1
while last >= 0 do
  local first = math.max(0, last - 15)
  local entries = redis.call('LRANGE', KEYS[2], first, last)
  for i = #entries, 1, -1 do
    table.insert(newer, entries[i])
    if string.sub(entries[i], 1, {TOKEN_BYTES}) == ARGV[2] then return newer end
  end
  last = first - 1
end
return false
""",
)

# KEYS: of sandboxes. ARGV: generation, a field. Return it for each, or nil if there is no such sandbox.
FIELDS = Script(
    0,
    """
local found = {}
for i, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 'generation', ARGV[2])
  found[i] = kept[1] == ARGV[1] and kept[2]
end
return found
""",
)

# KEYS: those of the sandbox, and its end. ARGV: generation, head. Return the life that has ended.
END = Script(
    3,
    f"""{_READ}
if generation ~= ARGV[1] then return {GONE} end
local kept = redis.call('HMGET', KEYS[1], 'head', 'life')
if kept[1] ~= ARGV[2] then return {REFUSED} end
local _, time = cmsgpack.unpack_one(redis.call('LINDEX', KEYS[2], -1), {TIME})
local left = redis.call('PTTL', KEYS[1])
redis.call('SET', KEYS[3], string.format('%.0f', time), 'PX', left > 0 and left or {DAY})
redis.call('DEL', KEYS[1], KEYS[2])
return kept[2]
""",
)

# Remove a sandbox of another generation, and return that and its life.
CLEAN = Script(
    2,
    """
local kept = redis.call('HMGET', KEYS[1], 'generation', 'life')
if not kept[1] or kept[1] == ARGV[1] then return false end
redis.call('DEL', KEYS[1], KEYS[2])
return kept
""",
)

# KEYS: generation, fingerprint, names, implicit, explicit, removed names. ARGV: a new generation, 'fresh' or
# '', a time, then the fingerprint. Return the generation, the fingerprint and the number of names; or why
# Redis cannot be used.
JOIN = Script(
    6,
    """
local info = redis.pcall('INFO')
if type(info) == 'string' then  -- some users may not ask
  local version = string.match(info, 'redis_version:(%d+)')
  if tonumber(version) < 7 then return 'is Redis ' .. version .. ', but must be 7 or newer' end
  local policy = string.match(info, 'maxmemory_policy:(%S+)')
  if policy ~= 'noeviction' and string.match(info, 'maxmemory:(%d+)') ~= '0' then
    return 'removes keys when its memory is full: set its maxmemory-policy to noeviction, not ' .. policy
  end
end
local generation = redis.call('GET', KEYS[1])
if not generation or ARGV[2] ~= '' then
  redis.call('ZUNIONSTORE', KEYS[6], 2, KEYS[6], KEYS[3])
  for i = 1, 5 do redis.call('UNLINK', KEYS[i]) end
  generation = ARGV[1]
  redis.call('SET', KEYS[1], generation)
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
local count = redis.call('ZCARD', KEYS[3])
for i = 4, 5 do count = count - redis.call('ZCOUNT', KEYS[i], '-inf', ARGV[3]) end
return {generation, redis.call('HGETALL', KEYS[2]), count}
""",
)

# KEYS: a secret. ARGV: generation, value, end in ms or ''. The later of two ends counts.
PUT_SECRET = Script(
    1,
    """
local same = redis.call('GET', KEYS[1]) == ARGV[2]
if not same then redis.call('SET', KEYS[1], ARGV[2]) end
if ARGV[3] == '' then
  redis.call('PERSIST', KEYS[1])
elseif same then
  redis.call('PEXPIREAT', KEYS[1], ARGV[3], 'GT')
else
  redis.call('PEXPIREAT', KEYS[1], ARGV[3])
end
return 0
""",
)

# KEYS: a secret. ARGV: generation, value.
DROP_SECRET = Script(
    1,
    """
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 0
""",
)

# KEYS: names, implicit, explicit. ARGV: generation, name, end or '', 1 if implicit.
LIST = Script(
    3,
    """
redis.call('ZADD', KEYS[1], 0, ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[ARGV[4] == '1' and 2 or 3], ARGV[3], ARGV[2]) end
return 0
""",
)

# KEYS: names, implicit, explicit. ARGV: generation, name, end or '': another end is that of a newer sandbox.
UNLIST = Script(
    3,
    """
local ends = redis.call('ZSCORE', KEYS[2], ARGV[2]) or redis.call('ZSCORE', KEYS[3], ARGV[2]) or ''
if ends == ARGV[3] then for i = 1, 3 do redis.call('ZREM', KEYS[i], ARGV[2]) end end
return 0
""",
)

# KEYS: names, implicit, explicit. ARGV: generation, a time, a limit. Return names that end until then, each
# with its end.
DUE = Script(
    3,
    """
local due = {}
for i = 2, 3 do
  local names = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
  for _, text in ipairs(names) do table.insert(due, text) end
end
return due
""",
)
