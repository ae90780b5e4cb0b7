// Talking to the server that this page came from; every failure is an Error whose message is one sentence.

const TRIES = 5;
let limits = null;

export async function health() {
  const facts = await ask("api/health");
  limits = facts.limits;
  return facts;
}

// The cards of the networks that are loaded.
export async function cards() {
  return (await ask("api/card")).cards;
}

// One image; gives {file, width, height, faces}. A busy server is asked again when it says so.
export async function predict(file) {
  if (limits && file.size + 1024 > limits.body_bytes) {
    const most = Math.floor(limits.body_bytes / 1048576);
    throw new Error(`${file.name} has ${Math.ceil(file.size / 1048576)} MB; the server takes at most ${most} MB.`);
  }
  for (let turn = 1; ; turn += 1) {
    const form = new FormData();
    form.append("images", file, file.name || "image");
    try {
      return (await ask("api/predict", { method: "POST", body: form })).photos[0];
    } catch (error) {
      if (!error.retrySeconds || turn === TRIES) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.retrySeconds * turn));
    }
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer; is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(answer.detail || `The server answered with status ${response.status}.`);
    error.retrySeconds = Number(response.headers.get("Retry-After")) || 0;
    throw error;
  }
  return answer;
}
