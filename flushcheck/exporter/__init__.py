"""Diagnoses on a schedule, as metrics for Prometheus: what `flushcheck exporter` runs.

- `schedule`: which target is measured when. No clock, no thread: the caller brings the time.
- `runs`: each diagnosis is a process of its own. It can be stopped at any moment, a target that takes too
  long ends alone, and the streams of one run are not late because another one is analyzed.
- `metrics`: the last results as text.
- `http_server`: a small server with bounds on everything a client may send or hold open.
- `exporter`: the loop that owns the schedule. Everything else reaches it by a queue.

Secrets of the targets file stay in the process that reads it and go to a run through a pipe: never to
arguments of a process, a metric, a response or a line of the log.
"""
