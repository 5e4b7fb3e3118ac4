// Requests to the server of this page. A refusal becomes a Problem with the server's sentence; so does an answer to a page
// that is behind, which brings what the page has missed.

export class Problem extends Error {
  constructor(sentence, answer) {
    super(sentence);
    this.answer = answer;
  }
}

const GONE = "The review has ended, or cannot be reached. Start the same command again: what you decided is saved.";

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Problem(GONE, {});
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Problem(answer.error || GONE, answer);
}

async function understood(response) {
  if (response.status === 204) return null;
  const answer = await response.json();
  if (answer.error) throw new Problem(answer.error, answer);
  return answer;
}

export async function load(address) {
  return understood(await ask(address));
}

export async function bytes(address, first, last) {
  const headers = last === undefined ? {} : { Range: `bytes=${first}-${last}` };
  return (await ask(address, { headers })).arrayBuffer();
}

export async function send(address, body) {
  const headers = { "Content-Type": "application/json" };
  return understood(await ask(address, { method: "POST", headers, body: JSON.stringify(body) }));
}

// The samples of a sound from first to before last, full scale 1.
export async function samples(address, first, last) {
  const buffer = await bytes(address, 2 * first, 2 * last - 1);
  return Float32Array.from(new Int16Array(buffer, 0, buffer.byteLength >> 1), sample => sample / 32768);
}
