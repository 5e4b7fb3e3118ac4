// Requests to the server of this page. A refusal becomes a Problem with the server's sentence.

export class Problem extends Error {
  constructor(sentence, status, answer) {
    super(sentence);
    this.status = status;
    this.answer = answer;
  }
}

const GONE = "The review has ended, or cannot be reached. Start the same command again: what you decided is saved.";

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Problem(GONE, 0, null);
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Problem(answer.error || GONE, response.status, answer);
}

export async function load(address) {
  const response = await ask(address);
  return response.status === 204 ? null : response.json();
}

export async function bytes(address, first, last) {
  const headers = last === undefined ? {} : { Range: `bytes=${first}-${last}` };
  return (await ask(address, { headers })).arrayBuffer();
}

export async function send(address, body) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(address, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
