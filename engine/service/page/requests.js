/** Requests to the server, with the token of the user. */

let token = "";

/** An answer that refuses, with the reason. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Return the answer to a request; where the server needs a token, the user is asked for it first. */
export async function ask(method, path, body, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text) headers["Content-Type"] = "application/json";
    answer = await fetch(path, { method, headers, body: text, ...options });
  } catch {
    throw new Problem(0, "the server does not answer; look whether it still runs");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    token = await tokenOfUser();
    if (!token) throw new Problem(401, problem.detail);
    return ask(method, path, body, options);
  }
  throw new Problem(answer.status, problem.detail ?? `the server answers ${answer.status}`);
}

/** Return an answer's JSON. */
export async function askJson(method, path, body) {
  return whole((await ask(method, path, body)).json());
}

/** Return the body of an answer; a connection may break while it comes. */
export const whole = (body) =>
  body.catch(() => {
    throw new Problem(0, "the answer did not come whole; look whether the server still runs");
  });

/** Send a file as the part "file" of a form and return the answer's JSON; onProgress is called with the part that has gone, 0 to 1. */
export async function sendFile(path, file, onProgress, signal) {
  const { status, answer } = await upload(path, file, onProgress, signal);
  if (status === 401) {
    token = await tokenOfUser();
    if (token) return sendFile(path, file, onProgress, signal);
  }
  if (status >= 400) throw new Problem(status, answer.detail ?? `the server answers ${status}`);
  return answer;
}

function upload(path, file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file, file.name);
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    let gone = 0;
    request.open("PUT", path);
    request.responseType = "json";
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress((gone = loaded / total));
    request.onload = () => resolve({ status: request.status, answer: request.response ?? {} });
    request.onabort = () => reject(new Problem(0, "stopped; it was not added"));
    request.onerror = () => {
      const why = gone ? "the server broke off; perhaps it takes no file as large as this" : "the server does not answer";
      reject(new Problem(0, `${why}; it was not added`));
    };
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) request.onabort();
    else request.send(form);
  });
}

let tokenRequest = null;

function tokenOfUser() {
  tokenRequest ??= new Promise((resolve) => {
    const dialog = document.getElementById("login");
    document.getElementById("why").textContent = token ? "This token is not valid here, or no longer." : "This server asks who you are.";
    const input = document.getElementById("token");
    dialog.addEventListener(
      "close",
      () => {
        tokenRequest = null;
        resolve(dialog.returnValue === "go" ? input.value.trim() : ""); // Escape gives no token
        input.value = dialog.returnValue = "";
      },
      { once: true },
    );
    dialog.showModal();
  });
  return tokenRequest;
}
