// A network and a clock for client.js in tests: no socket is opened, and time passes only when a test says so.

import { mock } from "node:test";

const PAGE = "https://reader.example/page";
const settle = () => new Promise((resume) => setImmediate(resume));

/** One connection that client.js opened: what the server sends on it is up to the test. */
class Connection {
  isClosed = false;

  constructor(transport, address) {
    this.transport = transport;
    this.address = new URL(address);
    this.start = Number(this.address.searchParams.get("start") ?? 0);
  }
}

class FakeEventSource extends Connection {
  #listeners = {};

  constructor(address) {
    super("events", address);
    current.connections.push(this);
  }
  addEventListener(name, listener) {
    this.#listeners[name] = listener;
  }
  close() {
    this.isClosed = true;
  }
  send(record) {
    this.#listeners[record.end ? "done" : "delta"]({ data: JSON.stringify(record) });
  }
  break() {
    this.onerror();
  }
}

class FakeWebSocket extends Connection {
  static OPEN = 1;
  readyState = 0;
  sent = [];

  constructor(address) {
    super("websocket", address);
    current.connections.push(this);
  }
  close() {
    this.isClosed = true;
  }
  open() {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen();
  }
  send(record) {
    if (typeof record === "string") return this.sent.push(record); // the client's own message
    if (!this.readyState) this.open();
    this.onmessage({ data: JSON.stringify(record) });
  }
  break(code = 1006) {
    this.onclose({ code });
  }
}

/** A request of fetch(): chunked HTTP, or one poll. */
class FakeRequest extends Connection {
  #resolve;
  #reject;
  #body;

  constructor(address, signal) {
    super(new URL(address).searchParams.has("cnt") ? "polling" : "chunked", address);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const stop = () => {
      this.isClosed = true;
      const error = new DOMException("This operation was aborted", "AbortError");
      this.#reject(error);
      if (this.#body) this.#body.error(error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
    current.connections.push(this);
  }
  respond(status, headers = {}, body = "") {
    this.#resolve(new Response(body, { status, headers }));
  }
  sendText(text) {
    if (!this.#body) {
      const start = (controller) => {
        this.#body = controller;
      };
      this.#resolve(new Response(new ReadableStream({ start })));
    }
    this.#body.enqueue(new TextEncoder().encode(text));
  }
  send(record) {
    this.sendText(`${JSON.stringify(record)}\n`);
  }
  finish() {
    this.#body.close();
  }
  break() {
    this.#reject(new TypeError("Failed to fetch"));
  }
}

let current;

/** What client.js finds instead of a browser. Ends with `restore()`. */
export class Network {
  connections = [];
  #now = 1000;
  #before = {};

  constructor() {
    current = this;
    const fakes = {
      EventSource: FakeEventSource,
      WebSocket: FakeWebSocket,
      fetch: (address, { signal }) => new FakeRequest(address, signal).response,
      location: { href: PAGE },
    };
    for (const [name, value] of Object.entries(fakes)) {
      this.#before[name] = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    mock.method(performance, "now", () => this.#now);
    mock.method(Math, "random", () => 0.5); // pauses are as long as they are on average
    mock.timers.enable({ apis: ["setTimeout"] });
  }

  restore() {
    for (const [name, descriptor] of Object.entries(this.#before)) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete globalThis[name];
    }
    mock.timers.reset();
    mock.restoreAll();
  }

  /** The connection that was opened last. */
  get last() {
    return this.connections.at(-1);
  }

  /** Let time pass, and everything happen that is due. */
  async pass(seconds) {
    await settle();
    for (let left = Math.round(seconds * 1000); left > 0; left -= 10) {
      const step = Math.min(10, left);
      this.#now += step;
      mock.timers.tick(step);
      await settle();
    }
    await settle();
  }
}
