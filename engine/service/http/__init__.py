"""HTTP itself: authorization, time-outs, bodies, problems, the log of requests, pages and metrics."""
