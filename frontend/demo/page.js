import { createClient, isCrossfadeError } from "./crossfade.js";

const PHASES = {
  off: "Tokens are switched off. The session cookie does it all, as it always did.",
  handback: "No new tokens are given out. Whoever holds only a token gets the session cookie back.",
  shadow: "The gateway compares both worlds and gives out nothing yet.",
  parallel: "Cookies and tokens both work. A session is turned into tokens on the way.",
  prefer_tokens: "Where both are there, the token counts.",
  brownout: "Cookies are refused in announced windows, to see who still needs them.",
  tokens_only: "Cookies are gone at the client.",
};
const WORDS = {
  unknown: ["looking", "The gateway has not said yet who you are. Requests go with the cookie meanwhile."],
  token: ["access token", "Requests carry an access token. It is renewed before it ends; no request waits for that."],
  cookie: ["session cookie", "Requests go with the application's own session cookie. You did not have to sign in again."],
  visitor: ["no credential", "There is no session to exchange. Sign in to the application as ada, with lovelace-1843."],
};
const CARRIERS = { token: "an access token", cookie: "the session cookie", unknown: "the session cookie", visitor: "nothing" };

const $ = (id) => document.getElementById(id);
const client = createClient();
let life = 0;
/** The name that the application has for the user; the gateway knows a number. */
let person = "";

for (const phase of Object.keys(PHASES)) {
  const item = document.createElement("li");
  item.dataset.phase = phase;
  item.textContent = phase.replace("_", " ");
  $("phases").append(item);
}

function show() {
  const { status, subject, phase } = client.state;
  document.body.dataset.status = status;
  if (status === "visitor") person = "";
  $("name").textContent = status === "visitor" ? "a visitor" : person || (subject ? `user ${subject}` : "…");
  [$("badge").textContent, $("sentence").textContent] = WORDS[status];
  for (const item of $("phases").children) {
    if (item.dataset.phase === phase) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  $("phase-sentence").textContent =
    phase === "bypassed" ? "There is no gateway on the way. When the token has ended, the session cookie does it all." : (PHASES[phase] ?? "\u00a0");
  $("login").hidden = status !== "visitor";
  for (const id of ["renew", "logout", "everywhere"]) $(id).hidden = status === "visitor";
  $("send").classList.toggle("quiet", status === "visitor");
  tick();
}

function tick() {
  const { status, expiresAt } = client.state;
  const left = status === "token" && expiresAt ? Math.max(0, expiresAt - Date.now()) : 0;
  const seconds = Math.ceil(left / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  $("clock").textContent = status !== "token" ? "–" : `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
  $("clock-label").textContent = status === "token" ? (left ? "left" : "renewed at next use") : "no token";
  $("clock").classList.toggle("long", hours > 0);
  $("left").setAttribute("visibility", left ? "visible" : "hidden");
  $("left").setAttribute("stroke-dasharray", `${life ? (100 * left) / life : 0} 100`);
}

function log(text) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString("en-GB");
  item.append(time, text);
  $("log").prepend(item);
  while ($("log").children.length > 50) $("log").lastChild.remove();
}

/** Send a request, after a look at what will carry it: the phase may be another one since the last answer. */
async function send() {
  $("request").textContent = "GET /api/me";
  try {
    await client.session().catch(() => {});
    const response = await client.fetch("/api/me");
    const { user, error, title } = await response.json();
    person = user ?? "";
    show();
    $("carrier").textContent = CARRIERS[client.state.status];
    $("answer").textContent = `${response.status} ${user ?? error ?? title ?? ""}`;
  } catch (error) {
    $("carrier").textContent = "–";
    $("answer").textContent = isCrossfadeError(error) ? `not sent: ${error.code}` : "no answer";
  }
}

const TROUBLES = {
  network_error: "The gateway cannot be reached. Nothing is lost: the client tries again.",
  timeout: "The gateway does not answer. Nothing is lost: the client tries again.",
  phase_off: "Tokens are off: use the application's own page for that.",
  bypassed: "There is no gateway on the way: use the application's own page for that.",
  origin_refused: `The gateway knows this site by another address than ${location.origin}: open the one that it printed.`,
};

function logTrouble(error) {
  log(isCrossfadeError(error) ? (TROUBLES[error.code] ?? `${error.message} (${error.code})`) : `${error}`);
}

/** Run what a button stands for, and say what went wrong. */
function onClick(id, act) {
  $(id).addEventListener("click", () => Promise.resolve(act()).catch(logTrouble));
}

onClick("send", send);
onClick("renew", () => client.refresh());
onClick("tab", () => void window.open(location.href, "_blank", "noopener"));
onClick("logout", () => client.logout());
onClick("everywhere", () => client.logout({ everywhere: true }));

const REASONS = { logout: "You signed out.", expired: "The session has ended.", elsewhere: "You signed out in another tab." };
client.on("change", show);
client.on("refreshed", ({ expiresAt }) => {
  life = Math.max(1, (expiresAt ?? 0) - Date.now());
  log("There is a new access token.");
});
client.on("signedOut", ({ reason }) => log(REASONS[reason]));
client.on("phase", ({ phase }) => log(`The gateway is in phase ${phase}.`));
client.on("userChanged", ({ to }) => {
  person = "";
  log(`Now it is user ${to}.`);
});

show();
setInterval(tick, 500);
await client.adoptSession().catch(logTrouble);
if (client.state.status === "visitor") await client.session().catch(logTrouble);
else await send();
document.body.dataset.ready = "true";
