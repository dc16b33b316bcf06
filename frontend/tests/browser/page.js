// A page of the site: `?base=` names another origin where the gateway is.
import { createClient } from "/built/crossfade.js";

const baseUrl = new URLSearchParams(location.search).get("base") ?? location.origin;
const client = createClient({ baseUrl });
const told = [];
for (const name of ["signedOut", "userChanged", "phase", "refreshed"]) {
  client.on(name, (event) => told.push([name, event]));
}
const violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => violations.push(violatedDirective));

/** Ask the application who is there; returns the user, or the status or the error that came instead. */
async function user() {
  try {
    const response = await client.fetch("/api/me");
    return response.ok ? (await response.json()).user : response.status;
  } catch (error) {
    return error.code ?? error.name;
  }
}

Object.assign(window, { client, told, violations, user });
