-- What wrk sends: METHOD, TARGET and BODY from the environment, with the tokens of a file in turn,
-- from token FIRST on. THINK_MS: how long each connection waits before each of its calls.
-- With UPSTREAM it asks the canned Cognito itself.
local calls, number = {}, 0
local think = tonumber(os.getenv("THINK_MS") or "0")

function init(args)
  local first, position = tonumber(os.getenv("FIRST") or "0"), 0
  for token in io.lines(os.getenv("TOKENS")) do
    if position >= first then
      local headers, body = { ["Authorization"] = "Bearer " .. token }, os.getenv("BODY")
      if body then
        headers["Content-Type"] = "application/json"
      end
      if os.getenv("UPSTREAM") then
        headers = {
          ["Content-Type"] = "application/x-amz-json-1.1",
          ["X-Amz-Target"] = "AWSCognitoIdentityProviderService.ListDevices",
        }
        body = '{"AccessToken": "' .. token .. '", "Limit": 60}'
      end
      calls[#calls + 1] = wrk.format(os.getenv("METHOD"), os.getenv("TARGET"), headers, body)
    end
    position = position + 1
  end
  math.randomseed(1)
end

function request()
  number = number % #calls + 1
  return calls[number]
end

if think > 0 then
  function delay()
    return math.random(0, 2 * think)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
