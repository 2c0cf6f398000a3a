// Whether the pieces of one connection were held together. Part of client.js, which the service sends as one file.

const MIN_TOGETHER = 3; // pieces in one delivery before it can count as held
const SAME_DELIVERY_MS = 12; // reads closer than this are one delivery

/** Finds pieces that were held together. A machine or a network may stall once; a buffer holds from the start, or again
 * and again. Exported for tests. */
export class HoldDetector {
  #heldS;
  #arrived_ms = Number.NEGATIVE_INFINITY;
  #first_s = 0; // when the first piece of this delivery was sent
  #pieces = 0; // in this delivery
  #deliveries = 0;
  #late = false; // this delivery
  #lateInARow = 0;

  /** @param {number} heldS */
  constructor(heldS) {
    this.#heldS = heldS;
  }

  /** Add a piece.
   * @param {number} sent_s on the server's clock
   * @param {number} now_ms when it arrived, on the client's clock
   * @returns {number} over how many seconds the pieces were sent that were held together; 0 while nothing is held */
  add(sent_s, now_ms) {
    if (now_ms - this.#arrived_ms > SAME_DELIVERY_MS) {
      if (!this.#late) this.#lateInARow = 0;
      this.#deliveries += 1;
      this.#first_s = sent_s;
      this.#pieces = 0;
      this.#late = false;
    }
    this.#arrived_ms = now_ms;
    this.#pieces += 1;
    const span_s = sent_s - this.#first_s;
    if (this.#pieces < MIN_TOGETHER || !(span_s > this.#heldS)) return 0;
    if (!this.#late) this.#lateInARow += 1;
    this.#late = true;
    return this.#deliveries === 1 || this.#lateInARow > 1 ? span_s : 0;
  }
}
