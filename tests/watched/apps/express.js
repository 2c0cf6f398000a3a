// Express' `compression` in front of a stream, with Node alone: NODE_PATH=… node express.js PORT
const compression = require("compression")();
const http = require("node:http");

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
