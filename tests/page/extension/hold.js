// An extension that inspects responses: it reads each one to its end before the page gets it.
const plain = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const answer = await plain(...asked);
  return new Response(await answer.arrayBuffer(), answer);
};
