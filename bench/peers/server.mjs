// The same streams on Node's own http, and a bare WebSocket: one timer and an index a stream.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3

function drip({ count, interval }, send, end) {
  const began = performance.now();
  let seq = 0;
  const next = () => {
    while (seq < count && began + seq * interval * 1000 <= performance.now()) {
      if (!send(seq++)) return;
      if (!interval) break;
    }
    if (seq === count) return end();
    const left = began + seq * interval * 1000 - performance.now();
    return left > 0 ? setTimeout(next, left) : setImmediate(next);
  };
  next();
  return next;
}

function asked(request) {
  const url = new URL(request.url, "http://localhost");
  const { count, interval, say } = Object.fromEntries(url.searchParams);
  const cnt = Number(url.searchParams.get("cnt"));
  return { path: url.pathname, count: Number(count), interval: Number(interval), say, cnt };
}

const server = createServer((request, response) => {
  const { path, say, cnt, ...pace } = asked(request);
  if (path === "/healthz") return response.end("{}");
  if (path === "/stream/polling") {
    const body = JSON.stringify({ message: say, cnt, count: pace.count });
    return response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length }).end(body);
  }
  const events = path === "/stream/events";
  response.writeHead(200, { "Content-Type": events ? "text/event-stream" : "text/plain" });
  const frame = events ? (seq) => `id: ${seq}\ndata: ${say}\n\n` : () => say;
  let next = () => {};
  response.on("drain", () => next());
  next = drip(pace, (seq) => !response.destroyed && response.write(frame(seq)), () => response.end());
});

server.on("upgrade", (request, socket) => {
  const { say, ...pace } = asked(request);
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const text = Buffer.from(say);
  const frame = Buffer.concat([Buffer.from([0x81, text.length]), text]);
  const next = drip(pace, () => !socket.destroyed && socket.write(frame), () => socket.end(Buffer.from([0x88, 2, 3, 232])));
  socket.on("drain", () => next());
});

server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
