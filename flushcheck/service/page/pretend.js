// A hold that the service makes itself: what the control "Pretend" means for each transport.

/** @import { PretendOffer, Transport } from "./types.d.ts" */

/** Why a transport is not held in this way; the others are passed on as bytes. */
const NOT_HELD = {
  polling: "each poll is a whole response, which nothing holds",
  websocket: "a WebSocket is passed on as it is",
};

/** What a stream of this transport is asked for, and the sentence that says so.
 * @param {string} chosen the value of the control; "" for no hold
 * @param {Transport} transport
 * @param {readonly PretendOffer[]} offers of this service
 * @returns {{query: string, note: string}} `query` begins with "&"; both are "" without a hold */
export function pretended(chosen, transport, offers) {
  const offer = offers.find(({ value }) => value === chosen);
  if (!offer) return { query: "", note: "" };
  if (offer.transports.includes(transport)) {
    return {
      query: `&pretend=${encodeURIComponent(chosen)}`,
      note: `Pretended: the service itself holds this stream (${offer.label}).`,
    };
  }
  const why = transport === "polling" || transport === "websocket" ? NOT_HELD[transport] : "not offered";
  return { query: "", note: `Not pretended: ${why}.` };
}
