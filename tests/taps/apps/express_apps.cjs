// Express apps with taps, and their layers: one below each path. `node express_apps.cjs PORT express4`, with
// flushcheck-taps.mjs beside it; without a module's name it is the newest Express.
const express = require(process.argv[3] ?? "express");
const connect = require("connect");
const compression = require("compression");
const http = require("node:http");
const zlib = require("node:zlib");

const COUNT = 8;
const GAP_MS = 50;

function chat(request, response) {
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  if (request.url.includes("no-transform")) response.setHeader("Cache-Control", "no-cache, no-transform");
  let sent = 0;
  const timer = setInterval(() => {
    response.write(`piece ${sent} ${Math.random()}\n`);
    if (++sent === COUNT) {
      clearInterval(timer);
      response.end();
    }
  }, GAP_MS);
}

/** As morgan does it: it looks at the response, and changes nothing. */
function logger(request, response, next) {
  response.once("finish", () => response.statusCode);
  next();
}

/** Keeps all of the body, to log it. */
function joinBody(request, response, next) {
  const parts = [];
  const { end } = response;
  response.write = (part) => parts.push(Buffer.from(part)) > 0;
  response.end = () => end.call(response, Buffer.concat(parts));
  next();
}

function app(...layers) {
  const made = express();
  for (const layer of [logger, ...layers]) made.use(layer);
  made.get("/chat", chat);
  return made;
}

/** Of the layers of an app, the last is the route. Express 4 has them at `_router`. */
function stackOf(made) {
  return (made._router ?? made.router).stack;
}

function inRouter() {
  const router = express.Router();
  router.use(joinBody);
  router.get("/chat", logger, chat);
  const made = express();
  made.use(logger, router);
  return made;
}

function onConnect() {
  const made = connect();
  made.use(compression());
  made.use("/chat", chat);
  return made;
}

const GZIP = { flush: zlib.constants.Z_SYNC_FLUSH };
const BROTLI = { brotli: { flush: zlib.constants.BROTLI_OPERATION_FLUSH } };
const apps = {
  clean: app(),
  compression: app(compression()),
  "compression-gzip": app(compression(GZIP)),
  "compression-both": app(compression({ ...GZIP, ...BROTLI })),
  joined: app(joinBody),
  // Called like the package, and not it.
  namesake: app(Object.defineProperty((...rest) => joinBody(...rest), "name", { value: "compression" })),
  router: inRouter(),
  connect: onConnect(),
};

import("./flushcheck-taps.mjs").then(({ install }) => {
  for (const made of Object.values(apps)) install(made);
  const late = app();
  install(late);
  stackOf(late).splice(-1, 0, ...stackOf(app(joinBody)).slice(-2, -1)); // a layer that comes after install
  apps.late = late;
  http
    .createServer((request, response) => {
      const [, name] = request.url.split("/");
      request.url = request.url.slice(name.length + 1);
      apps[name](request, response);
    })
    .listen(Number(process.argv[2]), "127.0.0.1");
});
