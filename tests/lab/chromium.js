// Evaluated in the service's page: the page's own client makes the baselines of its own plan, and reads the event stream
// once more as most pages do, with EventSource. Returns the observations of both.
async () => {
  const TICK_MS = 20; // how long this page could not run shows in the longest time between two ticks
  const load = (name) => import(new URL(`page/${name}.js`, document.baseURI).href);
  const [{ ProbeRunner, PROBE_TIMEOUT_S }, { Capture }, { readEventSource }, values, { root, settings }] =
    await Promise.all(["probe-runner", "capture", "read-event-source", "observation-values", "settings"].map(load));

  const response = await fetch("diagnostics/plan", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ target: root, observations: [] }),
  });
  if (!response.ok) throw new Error(`diagnostics/plan: status ${response.status}`);
  const { probes } = await response.json();

  async function withEventSource({ probe, path, count }) {
    const capture = new Capture(settings.bounds);
    const timer = setTimeout(() => capture.control.abort(), PROBE_TIMEOUT_S * 1000);
    let stall_s = 0;
    let last = performance.now();
    const ticks = setInterval(() => {
      stall_s = Math.max(stall_s, (performance.now() - last - TICK_MS) / 1000);
      last = performance.now();
    }, TICK_MS);
    const signal = capture.control.signal;
    const result = await readEventSource(`${root}${path.slice(1)}eventsource`, {
      listener: capture,
      signal,
      end: "done",
    });
    clearTimeout(timer);
    clearInterval(ticks);
    const { outcome, detail } = values.conclude(result, capture, { timeout_s: PROBE_TIMEOUT_S, count });
    const ended_s = (performance.now() - capture.began) / 1000;
    const end = values.endRecord(capture.end);
    return { probe, outcome, detail, ended_s, stall_s, arrivals: capture.arrivals, end };
  }

  const runner = new ProbeRunner();
  try {
    await Promise.race([runner.ready, runner.stopped]);
    const observations = await runner.run(probes, probes.length);
    const events = probes.find(({ id }) => id === "events-token");
    return { target: root, observations, eventsource: await withEventSource(events) };
  } finally {
    runner.stop();
  }
};
