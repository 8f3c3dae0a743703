/** What the page asks of its server. */

let token = "";

/** An answer that says why something cannot be done. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Return the answer to a request; where the server wants to know who asks, the user is asked first. */
export async function ask(method, path, body, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let found;
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text) headers["Content-Type"] = "application/json";
    found = await fetch(path, { method, headers, body: text, ...options });
  } catch {
    throw new Problem(0, "the server does not answer; look whether it still runs");
  }
  if (found.ok) return found;
  const told = await found.json().catch(() => ({}));
  if (found.status === 401) {
    token = await tokenOfUser(told.detail);
    if (!token) throw new Problem(401, told.detail);
    return ask(method, path, body, options);
  }
  throw new Problem(found.status, told.detail ?? `the server answers ${found.status}`);
}

/** Return an answer's JSON. */
export async function askJson(method, path, body) {
  return (await ask(method, path, body)).json();
}

let asking = null;

function tokenOfUser(why) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("login");
    document.getElementById("why").textContent = why;
    const input = document.getElementById("token");
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        resolve(input.value.trim());
        input.value = "";
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}
