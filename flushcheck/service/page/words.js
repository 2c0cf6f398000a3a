// What the page calls things.

export const TRANSPORTS = {
  polling: "JSON polling",
  chunked: "Chunked HTTP",
  events: "Server-sent events",
  websocket: "WebSocket",
};

/** What an app can send by itself, by the name of the probe that tried it. */
export const HINTS = {
  "x-accel-buffering": "X-Accel-Buffering: no",
  "no-transform": "Cache-Control: no-cache, no-transform",
  nosniff: "X-Content-Type-Options: nosniff",
  padded: "padding in front of the stream",
  "other-type": "the content type application/octet-stream",
};
