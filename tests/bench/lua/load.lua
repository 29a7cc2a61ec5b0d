-- Makes requests that are all different, and prints a summary as one line of JSON.
--
-- Arguments: method, path, body, number of the first request, lowest key, number of keys, number of
-- sandboxes (0: requests name no sandbox), number of the first sandbox. Path and body are format strings;
-- a path takes up to three keys.

local STEP = 7919  -- a prime, so that consecutive requests are for distant products
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  method, path, body = args[1], args[2], args[3]
  number, lowest, keys = tonumber(args[4]), tonumber(args[5]), tonumber(args[6])
  sandboxes, first = tonumber(args[7]), tonumber(args[8])
  statuses = {}
end

local function key(nth)
  return lowest + (nth * STEP) % keys
end

function request()
  local now = number
  number = number + 1
  if sandboxes > 0 then
    wrk.headers["X-Mock-Sandbox"] = string.format("bench-%d", first + (now * STEP) % sandboxes)
  end
  local third, half = math.floor(keys / 3), math.floor(keys / 2)
  local target = string.format(path, key(now), key(now + third), key(now + half))
  local sent = body ~= "" and string.format(body, (now % 100000000) / 100) or nil
  return wrk.format(method, target, nil, sent)
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local seen = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do
      seen[status] = (seen[status] or 0) + count
    end
  end
  local parts = {}
  for status, count in pairs(seen) do
    parts[#parts + 1] = string.format('"%d": %d', status, count)
  end
  local errors = summary.errors
  io.write(string.format(
    'SUMMARY {"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "statuses": {%s}, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    table.concat(parts, ", "), errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
