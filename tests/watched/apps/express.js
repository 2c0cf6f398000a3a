// Express' `compression` in front of a stream, with Node alone: NODE_PATH=… node express.js PORT [gzip] [br]
// With gzip or br that one flushes after each write.
const http = require("node:http");
const zlib = require("node:zlib");
const flushing = process.argv.slice(3);
const compression = require("compression")({
  ...(flushing.includes("gzip") ? { flush: zlib.constants.Z_SYNC_FLUSH } : {}),
  ...(flushing.includes("br") ? { brotli: { flush: zlib.constants.BROTLI_OPERATION_FLUSH } } : {}),
});

http
  .createServer((request, response) => {
    compression(request, response, () => {
      response.setHeader("Content-Type", "text/event-stream");
      let number = 0;
      const timer = setInterval(() => {
        response.write(`data: {"delta": "word${number} "}\n\n`);
        number += 1;
        if (number === 20) {
          clearInterval(timer);
          response.end();
        }
      }, 100);
    });
  })
  .listen(Number(process.argv[2]), "127.0.0.1");
