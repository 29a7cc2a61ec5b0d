"""Scripts that Redis runs, each as one step, and the keys that they use.

A sandbox has two keys with one hash tag, so that a cluster keeps them together, and later a third one:

- `PREFIX:{NAME}:sandbox`, a hash: `life` after the generation, `state`, `marks`, and a field for each part,
  with a dot before its name. `state` is the head, the time of its entry, the number of entries so far and of
  their bytes, and the number of chains in the list.
- `PREFIX:{NAME}:entries`, a list of chains: entries that were appended together (see `chains`). It may have a
  few more than are read. `marks` say how many chains there were after each few entries, so that the list is
  cut without a look at them.
- `PREFIX:{NAME}:end`: the time of its last entry, if it was ended. This tells it from one that was lost, and
  expires when the sandbox would have.

A sandbox of an earlier generation is as good as none. One of a later generation means that this server has
missed that the store lost what it kept. All generations have the same length.

Redis reads every byte of what is given to a script several times. So a chain is pushed by a command of its
own, right before the script that accepts it. The chains that were accepted are those that lead to the head:
each begins with the head that it is upon. One that is refused is removed, unless another server has pushed
one since; then it is skipped by those who read.
"""

from collections.abc import Sequence
from hashlib import sha1

from mockserver.sandbox.log.log import MAX_BYTES, MAX_ENTRIES, TOKEN_BYTES

MISSING, LOST, REFUSED, KEPT, KEPT_WITH_NEW_LIFE = -2, -1, 0, 1, 2  # answers of APPEND
SPARE_ENTRIES, SPARE_BYTES = 64, 256 * 1024  # that a list may have too many of, so that it is cut rarely
MAX_ENCODED_BYTES = MAX_BYTES + 64 * MAX_ENTRIES  # an entry encoded is larger than its `size`
LINK = 2 * TOKEN_BYTES  # the bytes at the beginning of a chain: the head that it is upon, and that it makes
FIRST = LINK + 6  # the place of the first entry in a chain, after the head of an array
ENTRY = r"\151\196\8"  # what an entry begins with: an array of 7, and 8 bytes, the head that it is upon
TOKEN = 3 + TOKEN_BYTES + 2  # the place of the token in an entry
# What APPEND is told of a chain, and the state of a sandbox, each for the `struct` of Lua and that of Python.
CHAIN, CHAIN_FORMAT = f">c{TOKEN_BYTES}c{TOKEN_BYTES}I8I4I4I4I4", f">{TOKEN_BYTES}s{TOKEN_BYTES}sQIIII"
STATE, STATE_FORMAT = f">c{TOKEN_BYTES}I8I8I8I4", f">{TOKEN_BYTES}sQQQI"
NOTHING = r"\0" * TOKEN_BYTES  # the head of a sandbox that is not there
PUSH = "RPUSHX"  # the command that pushes a chain: a list is made by the script alone, which gives it an end
GONE = 1  # of END
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

# KEYS: for each chain the two keys of its sandbox, each sandbox once. ARGV: generation, then for each chain:
# the head and the token, the time, the numbers of entries, bytes, removed fields, and fields and parts, in
# one string; the generation and the life; what to clear or ''; the chain, or '' if it has been pushed; then
# removed fields, field, part, field, part ... Return an answer for each chain. MISSING says that it has not
# been pushed after all. Its first entries may be there already, if an answer was lost.
APPEND = Script(
    0,
    f"""
local function steps(command, hash, first, last)
  for i = first, last, 100 do redis.call(command, hash, unpack(ARGV, i, math.min(i + 99, last))) end
end
local function remove(hash, list, upon, token, state)
  local last = redis.call('LINDEX', list, -1)
  if not last or string.sub(last, 1, {LINK}) ~= upon .. token then return end
  redis.call('LTRIM', list, 0, -2)
  if not state then return end
  local head, time, length, size, count = struct.unpack('{STATE}', state)
  count = math.min(count, redis.call('LLEN', list))
  redis.call('HSET', hash, 'state', struct.pack('{STATE}', head, time, length, size, count))
end
local function rest(chain, head)
  local first = string.find(chain, '{ENTRY}' .. head, {FIRST}, true)
  local next, left = first, 0
  while next do
    local token = string.sub(chain, next + {TOKEN}, next + {TOKEN + TOKEN_BYTES - 1})
    next, left = string.find(chain, '{ENTRY}' .. token, next, true), left + 1
  end
  local token = string.sub(chain, {TOKEN_BYTES + 1}, {LINK})
  return first and head .. token .. struct.pack('>BI4', 0xdd, left) .. string.sub(chain, first), left
end
local function cut(hash, list, count, length, size)
  local marks = redis.call('HGET', hash, 'marks')
  marks = marks and cmsgpack.unpack(marks) or {{}}
  table.insert(marks, {{count, length, size}})
  local last = #marks
  while last > 0 do
    if length - marks[last][2] >= {MAX_ENTRIES} or size - marks[last][3] >= {MAX_ENCODED_BYTES} then break end
    last = last - 1
  end
  local gone, kept = last > 0 and marks[last][1] or 0, {{}}
  for i = last + 1, #marks do table.insert(kept, {{marks[i][1] - gone, marks[i][2], marks[i][3]}}) end
  if gone > 0 then redis.call('LTRIM', list, gone, -1) end
  redis.call('HSET', hash, 'marks', cmsgpack.pack(kept))
  return count - gone
end
local function append(hash, list, at, upon, token, time, entries, added, first, fields, last)
  local life, cleared, chain = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local kept = redis.call('HMGET', hash, 'life', 'state')
  local is_pushed = chain == ''
  local head, _, length, size, count = nil, 0, 0, 0, 0
  if kept[1] ~= life then
    local generation = string.sub(kept[1] or '', 1, #ARGV[1])
    if generation > ARGV[1] then
      if is_pushed then remove(hash, list, upon, token, kept[2]) end
      return {LOST}
    end
    if generation ~= ARGV[1] then redis.call('DEL', hash, list) kept = {{}} end
  end
  if kept[2] then head, _, length, size, count = struct.unpack('{STATE}', kept[2]) end
  if (head or '{NOTHING}') ~= upon then
    if head and head ~= token then
      if is_pushed then chain = redis.call('LINDEX', list, -1) or '' end
      chain, entries = rest(string.sub(chain, 1, {LINK}) == upon .. token and chain or '', head)
    else
      chain = nil
    end
    if not chain then
      if is_pushed then remove(hash, list, upon, token, kept[2]) end
      return head == token and {KEPT_WITH_NEW_LIFE} or {REFUSED}
    end
    if is_pushed then redis.call('LSET', list, -1, chain) end
    added = #chain
  end
  local now = is_pushed and redis.call('LLEN', list) or redis.call('RPUSH', list, chain)
  if now <= count then return {MISSING} end
  if cleared ~= '' then
    for _, field in ipairs(redis.call('HKEYS', hash)) do
      if string.sub(field, 1, #cleared) == cleared then redis.call('HDEL', hash, field) end
    end
  end
  steps('HDEL', hash, first, fields - 1)
  local is_due = length % {SPARE_ENTRIES} + entries >= {SPARE_ENTRIES}
  if is_due or size % {SPARE_BYTES} + added >= {SPARE_BYTES} then
    now = cut(hash, list, now, length + entries, size + added)
  end
  if last - fields > 100 then
    steps('HSET', hash, fields, last)
    fields = last + 1
  end
  local state = struct.pack('{STATE}', token, time, length + entries, size + added, now)
  redis.call('HSET', hash, 'state', state, unpack(ARGV, fields, last))
  if kept[1] == life then return {KEPT} end
  redis.call('HSET', hash, 'life', life)
  local _, ends = cmsgpack.unpack_one(life, #ARGV[1] + 1)  -- the first item of an array
  ends = ends and string.format('%.0f', math.max(math.floor(ends / 1000), 1))
  for _, key in ipairs({{hash, list}}) do
    if ends then redis.call('PEXPIREAT', key, ends) else redis.call('PERSIST', key) end
  end
  return {KEPT_WITH_NEW_LIFE}
end
local at, answers = 2, {{}}
for i = 1, #KEYS, 2 do
  local upon, token, time, entries, added, removed, kept = struct.unpack('{CHAIN}', ARGV[at])
  local first = at + 4
  local last = first + removed + kept - 1
  local answer = append(
    KEYS[i], KEYS[i + 1], at, upon, token, time, entries, added, first, first + removed, last)
  answers[#answers + 1] = answer
  at = last + 1
end
return answers
""",
)

# Return all fields of a sandbox. The package `redis` gives the reply to HGETALL itself in different forms.
FIELDS = Script(1, "return redis.call('HGETALL', KEYS[1])")

# KEYS: of sandboxes. ARGV: generation, a field. Return it for each, or nil if there is no such sandbox.
FIELD = Script(
    0,
    """
local found = {}
for i, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 'life', ARGV[2])
  found[i] = kept[1] and string.sub(kept[1], 1, #ARGV[1]) == ARGV[1] and kept[2]
end
return found
""",
)

# KEYS: those of the sandbox, and its end. ARGV: generation, head. Return the life that has ended.
END = Script(
    3,
    f"""
local life, state = unpack(redis.call('HMGET', KEYS[1], 'life', 'state'))
local generation = string.sub(life or '', 1, #ARGV[1])
if generation > ARGV[1] then return {LOST} end
if generation ~= ARGV[1] then return {GONE} end
local head, time = struct.unpack('{STATE}', state)
if head ~= ARGV[2] then return {REFUSED} end
local left = redis.call('PTTL', KEYS[1])
redis.call('SET', KEYS[3], string.format('%.0f', time), 'PX', left > 0 and left or {DAY})
redis.call('DEL', KEYS[1], KEYS[2])
return life
""",
)

# Remove a sandbox of another generation, and return that with its life.
CLEAN = Script(
    2,
    """
local life = redis.call('HGET', KEYS[1], 'life')
if not life or string.sub(life, 1, #ARGV[1]) == ARGV[1] then return false end
redis.call('DEL', KEYS[1], KEYS[2])
return life
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
