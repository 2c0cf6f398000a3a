// The request of a card, ready to copy: for curl, and as code for any other page.

/** @import { Transport } from "./types.d.ts" */

/** @param {string} text */
const shellQuoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
/** @param {string} text */
const literal = (text) => JSON.stringify(text);

/** The options of curl for what the card's own request sends and what may decide how the response arrives. A browser always
 * offers compression; brotli and zstd only where the page is trusted (HTTPS or this machine). The page forbids caches.
 * @param {string} accept the header, "" for curl's own
 * @param {boolean} isTrusted as `isSecureContext` says */
function curlOptions(accept, isTrusted) {
  const encodings = isTrusted ? [] : ["-H 'Accept-Encoding: gzip, deflate'"];
  const headers = [...(accept ? [`-H 'Accept: ${accept}'`] : []), ...encodings, "-H 'Cache-Control: no-cache'"];
  return `--compressed ${headers.join(" ")}`;
}

/** Snippets that make the same request.
 * @param {Transport} transport
 * @param {string} url absolute
 * @param {{count: number, interval: number, end: string, isTrusted: boolean}} stream `end` is the name of the end event;
 * `isTrusted`: whether the browser offers every compression
 * @returns {{title: string, code: string}[]} */
export function snippets(transport, url, { count, interval, end, isTrusted }) {
  const socket = url.replace(/^http/, "ws");
  const pause = Math.round(interval * 1000);
  const last = count ? count - 1 : 9;
  switch (transport) {
    case "polling":
      return [
        {
          title: "curl",
          code: `for n in $(seq 0 ${last}); do curl -s ${curlOptions("", isTrusted)} ${shellQuoted(`${url}&cnt=`)}$n; sleep ${interval}; done`,
        },
        {
          title: "fetch",
          code: `for (let cnt = 0; ; cnt++) {
  const response = await fetch(${literal(`${url}&cnt=`)} + cnt, { cache: "no-store" });
  if (response.status === 400) break;               // after the last piece
  const { message } = await response.json();
  show(message);
  await new Promise((resume) => setTimeout(resume, ${pause}));
}`,
        },
      ];
    case "chunked":
      return [
        { title: "curl", code: `curl -N ${curlOptions("", isTrusted)} ${shellQuoted(url)}` },
        {
          title: "fetch",
          code: `const stop = new AbortController();                 // stop.abort() also ends the server's work
const response = await fetch(${literal(url)}, { signal: stop.signal });
const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
for (let rest = ""; ; ) {
  const { done, value } = await reader.read();
  if (done) break;
  const lines = (rest + value).split("\\n");
  rest = lines.pop();                               // a read may end anywhere
  for (const line of lines) if (line.trim()) show(JSON.parse(line).delta ?? "");
}`,
        },
        {
          title: "XMLHttpRequest",
          code: `const xhr = new XMLHttpRequest();                  // xhr.abort() also ends the server's work
let read = 0, rest = "";
xhr.open("GET", ${literal(url)});
xhr.onprogress = () => {                           // at most every 50 ms
  const lines = (rest + xhr.responseText.slice(read)).split("\\n");
  read = xhr.responseText.length;
  rest = lines.pop();
  for (const line of lines) if (line.trim()) show(JSON.parse(line).delta ?? "");
};
xhr.send();
// Chromium shows text/plain only after 1,024 bytes, unless the response has X-Content-Type-Options: nosniff.`,
        },
      ];
    case "events":
      return [
        { title: "curl", code: `curl -N ${curlOptions("text/event-stream", isTrusted)} ${shellQuoted(url)}` },
        {
          title: "EventSource",
          code: `const source = new EventSource(${literal(url)});
source.addEventListener("delta", (event) => show(JSON.parse(event.data).delta));
${closing(end)}`,
        },
      ];
    default:
      return [
        { title: "curl (8.11 or newer)", code: `curl -N ${shellQuoted(socket)}` },
        {
          title: "WebSocket",
          code: `const socket = new WebSocket(${literal(socket)});
socket.onmessage = ({ data }) => show(JSON.parse(data).delta ?? "");
// to stop: socket.send("stop")`,
        },
      ];
  }
}

/** The line that closes an EventSource when the stream ends.
 * @param {string} end */
function closing(end) {
  if (end === "none") return "// No end event: EventSource reconnects again and again, until source.close().";
  if (end === "END" || end === "[DONE]") {
    return `source.onmessage = ({ data }) => { if (data === ${literal(end)}) source.close(); };`;
  }
  return `source.addEventListener(${literal(end)}, () => source.close());`;
}
