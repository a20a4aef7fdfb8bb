-- What wrk sends: the published call, with the credential and the body from the environment.
wrk.method = "POST"
wrk.path = "/wp-json/send-message/v1/ask"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
wrk.body = os.getenv("BENCH_BODY")

-- Only answers of 200 count: fast refusals would look like speed.
function done(summary, latency, requests)
  io.write(string.format(
    "RESULT %.1f %.3f %.3f %d\n",
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  ))
end
