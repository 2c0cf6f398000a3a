// What an extension does that looks into answers before the page may have them: it reads each one to its end first.
const plain = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const answer = await plain(...asked);
  return new Response(await answer.arrayBuffer(), answer);
};
