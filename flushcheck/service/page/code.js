// The request of a card as somebody else would make it: with curl, and with a few lines of a page's own.

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const literal = (text) => JSON.stringify(text);

/** @returns [{title, code}] for one transport; `url` is absolute, `end` how the stream says that it is over. */
export function snippets(transport, url, { count, interval, end }) {
  const socket = url.replace(/^http/, "ws");
  const pause = Math.round(interval * 1000);
  const last = count ? count - 1 : 9;
  switch (transport) {
    case "polling":
      return [
        { title: "curl", code: `for n in $(seq 0 ${last}); do curl -s ${quoted(`${url}&cnt=`)}$n; sleep ${interval}; done` },
        {
          title: "fetch",
          code: `for (let cnt = 0; ; cnt++) {
  const response = await fetch(${literal(`${url}&cnt=`)} + cnt, { cache: "no-store" });
  if (response.status === 400) break;               // past the end
  const { message } = await response.json();
  show(message);
  await new Promise((resume) => setTimeout(resume, ${pause}));
}`,
        },
      ];
    case "chunked":
      return [
        { title: "curl", code: `curl -N ${quoted(url)}` },
        {
          title: "fetch",
          code: `const stop = new AbortController();                 // stop.abort() ends the server's work too
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
          code: `const xhr = new XMLHttpRequest();                  // xhr.abort() ends the server's work too
let read = 0, rest = "";
xhr.open("GET", ${literal(url)});
xhr.onprogress = () => {                           // at most every 50 ms, whatever comes
  const lines = (rest + xhr.responseText.slice(read)).split("\\n");
  read = xhr.responseText.length;
  rest = lines.pop();
  for (const line of lines) if (line.trim()) show(JSON.parse(line).delta ?? "");
};
xhr.send();
// Chromium shows text/plain only from its 1,024th byte on, unless the answer says X-Content-Type-Options: nosniff.`,
        },
      ];
    case "events":
      return [
        { title: "curl", code: `curl -N -H 'Accept: text/event-stream' ${quoted(url)}` },
        {
          title: "EventSource",
          code: `const source = new EventSource(${literal(url)});
source.addEventListener("delta", (event) => show(JSON.parse(event.data).delta));
${ending(end)}`,
        },
      ];
    default:
      return [
        { title: "curl (8.11 or newer)", code: `curl -N ${quoted(socket)}` },
        {
          title: "WebSocket",
          code: `const socket = new WebSocket(${literal(socket)});
socket.onmessage = ({ data }) => show(JSON.parse(data).delta ?? "");
// to stop: socket.send("stop")`,
        },
      ];
  }
}

function ending(end) {
  if (end === "none") return "// nothing ends it: EventSource connects again, and again. source.close() stops that.";
  if (end === "END" || end === "[DONE]") {
    return `source.onmessage = ({ data }) => { if (data === ${literal(end)}) source.close(); };`;
  }
  return `source.addEventListener(${literal(end)}, () => source.close());`;
}
