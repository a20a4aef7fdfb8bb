-- What wrk sends: the calls of a file in turn, each line a credential and a body with a tab between them. Each of wrk's
-- threads begins at another one.
local calls = {}
for line in io.lines(os.getenv("BENCH_CALLS")) do
  local authorization, body = line:match("^(.-)\t(.*)$")
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = authorization }
  calls[#calls + 1] = { headers, body }
end

local path, prepared, next_call

function init()
  path = wrk.path
  prepared, next_call = {}, math.random(#calls)
end

function request()
  next_call = next_call % #calls + 1
  local text = prepared[next_call]
  if not text then
    text = wrk.format("POST", path, calls[next_call][1], calls[next_call][2])
    prepared[next_call] = text
  end
  return text
end

-- Errors are counted apart: fast refusals would look like speed.
function done(summary, latency, requests)
  io.write(string.format(
    "RESULT %.1f %.3f %.3f %d\n",
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  ))
end
