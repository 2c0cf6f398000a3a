// Why the browser handed out no response. It tells a page nothing but that it failed, so the sentence names what it can be,
// and what separates that. Pure functions.

const TERMINAL = "flushcheck watch in a terminal needs no permission";

/** What stands against a request before it is made; "" if nothing does.
 * @param {string} url
 * @param {string} page the page's own address */
export function obstacleBefore(url, page) {
  const [there, here] = [new URL(url), new URL(page)];
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(there.hostname);
  if (here.protocol === "https:" && there.protocol === "http:" && !isLocal) {
    return `this page came over https and the address is http: browsers refuse that (mixed content). Use the https address; ${TERMINAL}`;
  }
  return "";
}

/** Whether a second request can tell more: one that asks for no permission to read, and has no effect.
 * @param {string} url
 * @param {string} method
 * @param {string} page */
export const canAskWithoutReading = (url, method, page) =>
  method === "GET" && new URL(url).origin !== new URL(page).origin;

/** The sentence about a request without a response.
 * @param {string} url
 * @param {{page: string, responds: boolean | null, typedHeaders: boolean}} known `responds`: whether anything responded to
 * a request whose response the page may not read; null if that was not tried */
export function failureSentence(url, { page, responds, typedHeaders }) {
  const [there, here] = [new URL(url), new URL(page)];
  if (there.origin === here.origin) {
    return (
      "the browser got no response: the server closed the connection, or an extension or a proxy did, or it redirects to " +
      "another host that no page may read, such as a login page"
    );
  }
  const cors =
    `does not allow pages of ${here.origin} to read it (CORS): it would have to send Access-Control-Allow-Origin` +
    `${typedHeaders ? ", and to allow the headers in its response to OPTIONS" : ""}; or it redirects to an address that ` +
    "does not, such as a login page";
  if (responds) return `${there.host} responds, but ${cors}. ${TERMINAL}`;
  if (responds === false) {
    const certificate = there.protocol === "https:" ? ", its certificate is not trusted," : "";
    return `the browser got no response from ${there.host}: it is not reachable${certificate} or an extension blocks the request`;
  }
  return (
    `the browser hands out no response, and does not say why: ${there.host} is not reachable, its certificate is not trusted, ` +
    `or it ${cors}. ${TERMINAL}`
  );
}
