// Why the browser handed out no response. It tells a page nothing but that it failed, so the sentence names what it can be,
// and what separates that. Pure functions.

/** What stands against a request before it is made; "" if nothing does.
 * @param {string} url
 * @param {string} page the page's own address */
export function obstacleBefore(url, page) {
  const [there, here] = [new URL(url), new URL(page)];
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(there.hostname);
  if (here.protocol === "https:" && there.protocol === "http:" && !isLocal) {
    return `this page came over https and the address is http: browsers refuse that (mixed content). Use its https address, or flushcheck watch in a terminal`;
  }
  return "";
}

/** Whether a second request can tell more: one that asks for no permission to read, and has no effect.
 * @param {string} url
 * @param {string} method
 * @param {string} page */
export const canAskWithoutReading = (url, method, page) =>
  method === "GET" && new URL(url).origin !== new URL(page).origin;

/** The sentence about a request without a response. The service keeps 300 characters of it.
 * @param {string} url
 * @param {{page: string, responds: boolean | null, typedHeaders: boolean}} known `responds`: whether anything responded to
 * a request whose response the page may not read; null if that was not tried */
export function failureSentence(url, { page, responds, typedHeaders }) {
  const there = new URL(url);
  if (there.origin === new URL(page).origin) {
    return (
      "the browser got no response: the server or something before it closed the connection, or it redirects to another host " +
      "that this page may not read, such as a login page"
    );
  }
  const header = `no Access-Control-Allow-Origin${typedHeaders ? ", or none in its response to OPTIONS" : ""}`;
  const cors = `it does not let this page read the response (CORS: ${header}), or redirects to a host that does not`;
  if (responds) return `${there.host} responds, but ${cors}`;
  const certificate = there.protocol === "https:" ? ", its certificate is not trusted" : "";
  if (responds === false) {
    return `the browser got no response from ${there.host}: it is not reachable${certificate}, or an extension blocks it`;
  }
  return `the browser does not say why: ${there.host} is not reachable${certificate}, or ${cors}`;
}
