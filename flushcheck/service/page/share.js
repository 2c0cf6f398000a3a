// A run as a link: compressed into the fragment, which browsers send to nobody; and a run in a file. Whatever comes back
// out of either is a stranger's: bounded here, checked by the service that judges it, shown as text.

const MAX_RUN = 4 * 1024 * 1024; // characters, as FLUSHCHECK_MAX_JUDGE_BYTES

/** Run → base64url of deflated JSON. */
export async function pack(run) {
  const stream = new Blob([JSON.stringify(run)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The way back. Throws if it is no run, or unpacks to more than a run can be. */
export async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length > MAX_RUN) {
      reader.cancel();
      throw new Error("more than a run can be");
    }
  }
  return checked(text);
}

/** The run in a file. Throws if it holds none. */
export async function opened(file) {
  if (file.size > MAX_RUN) throw new Error("more than a run can be");
  return checked(await file.text());
}

function checked(text) {
  const run = JSON.parse(text);
  if (run === null || typeof run !== "object" || !Array.isArray(run.observations)) throw new Error("not a run");
  return run;
}
