/** Tokens of four seconds in a real browser, in front of the real gateway and the real application. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { endBrowser, freeze, pass, signOuts, status, User, user } from "./chromium.js";
import { Backend, Front } from "./front.js";

const TOKEN = "POST /.crossfade/token";
const LIFE = 4000;
const front = new Front();
let backend: Backend;
let ada: User;

beforeAll(async () => {
  await front.listen();
  backend = await Backend.behind(front, { extra: "tokens: { access: 4s, leeway: 0s, grace: 3s, families: 100 }" });
});
afterAll(async () => {
  await endBrowser();
  await backend?.end();
  front.close();
});
beforeEach(async () => {
  front.fate = () => null;
  front.isBypassing = false;
  ada = await User.of(front);
  await ada.signIn();
});
afterEach(() => ada.close());

test("five tabs and a storm after expiry: one rotation, one request a tab, nobody signed out", async () => {
  const tabs = [];
  for (let number = 0; number < 5; number++) tabs.push(await ada.tab());
  await pass(LIFE + 500);
  const [before, asked] = [await backend.events(), front.count(TOKEN)];
  const storm = tabs.map((tab) => tab.evaluate(() => Promise.all(Array.from({ length: 10 }, () => window.user()))));
  expect((await Promise.all(storm)).flat()).toEqual(Array(50).fill("ada"));
  const after = await backend.events();
  expect(after["refresh_rotated"]! - before["refresh_rotated"]!).toBe(1);
  expect(after["refresh_replay"]).toBe(before["refresh_replay"]);
  expect(front.count(TOKEN) - asked).toBe(5);
  for (const tab of tabs) expect(await signOuts(tab)).toBe(0);
});

test("a response that is dropped after the gateway rotated: still signed in", async () => {
  const tab = await ada.tab();
  await pass(LIFE + 500);
  const before = await backend.events();
  let drops = 1;
  front.fate = ({ url }) => (url === "/.crossfade/token" && drops-- > 0 ? { lose: "response" } : null);
  expect(await user(tab)).toBe("ada");
  await expect.poll(() => tab.evaluate(() => window.client.state.expiresAt! > Date.now())).toBe(true);
  const after = await backend.events();
  expect(after["refresh_rotated"]! - before["refresh_rotated"]!).toBe(1);
  expect(after["refresh_grace"]! - before["refresh_grace"]!).toBe(1);
  expect(after["refresh_replay"]).toBe(before["refresh_replay"]);
  expect(await signOuts(tab)).toBe(0);
});

test.each([-600_000, 600_000])("a clock that is wrong by %d ms, and set right again", async (skew) => {
  await ada.context.addInitScript((by) => {
    const now = Date.now.bind(Date);
    Object.assign(window, { skew: by });
    Date.now = () => now() + (window as unknown as { skew: number }).skew;
  }, skew);
  const tab = await ada.tab();
  const asked = front.count(TOKEN);
  expect(await user(tab)).toBe("ada");
  expect(front.count(TOKEN)).toBe(asked);
  await tab.evaluate(() => Object.assign(window, { skew: 0 }));
  expect(await user(tab)).toBe("ada");
  await pass(LIFE + 500);
  expect(await user(tab)).toBe("ada");
  expect(await status(tab)).toBe("token");
  expect(await signOuts(tab)).toBe(0);
});

test("a tab that was frozen beyond the life of its token", async () => {
  const [tab, other] = [await ada.tab(), await ada.tab()];
  await tab.evaluate(() => setInterval(() => Object.assign(window, { ticks: (window.ticks ?? 0) + 1 }), 10));
  const thaw = await freeze(tab);
  await pass(LIFE + 500);
  expect(await user(other)).toBe("ada");
  await thaw();
  expect(await tab.evaluate(() => window.ticks)).toBeLessThan(LIFE / 20); // it was frozen indeed
  expect(await user(tab)).toBe("ada");
  expect(await status(tab)).toBe("token");
  expect(await signOuts(tab)).toBe(0);
});

test("a tab that is frozen while it holds the lock stops no other", async () => {
  const [tab, other] = [await ada.tab(), await ada.tab()];
  await tab.evaluate(async () => {
    const { held } = await navigator.locks.query();
    const name = `crossfade ${location.origin}/.crossfade web`;
    if (held?.some((lock) => lock.name === name)) throw new Error("held");
    await new Promise<void>((held) => {
      void navigator.locks.request(name, () => (held(), new Promise(() => {})));
    });
  });
  await freeze(tab);
  await pass(LIFE + 500);
  expect(await user(other)).toBe("ada");
  await expect.poll(() => status(other), { timeout: 10_000 }).toBe("token");
  await expect.poll(() => other.evaluate(() => window.client.state.expiresAt! > Date.now()), { timeout: 10_000 }).toBe(true);
});

test("offline and back", async () => {
  const tab = await ada.tab();
  await ada.context.setOffline(true);
  await pass(LIFE + 500);
  expect(await user(tab)).toBe("TypeError");
  await ada.context.setOffline(false);
  await expect.poll(() => user(tab)).toBe("ada");
  await expect.poll(() => tab.evaluate(() => window.client.state.expiresAt! > Date.now())).toBe(true);
  expect(await signOuts(tab)).toBe(0);
});

test("a gateway that restarts in the middle", async () => {
  const tab = await ada.tab();
  await backend.stopGateway();
  await pass(LIFE + 500);
  await user(tab);
  await backend.startGateway();
  await expect.poll(() => user(tab)).toBe("ada");
  await expect.poll(() => tab.evaluate(() => window.client.state.expiresAt! > Date.now()), { timeout: 10_000 }).toBe(true);
  expect(await signOuts(tab)).toBe(0);
});

test("blocked storage, no locks and no channels", async () => {
  await ada.context.addInitScript(() => {
    const blocked = { get: () => { throw new DOMException("blocked", "SecurityError"); } };
    for (const name of ["sessionStorage", "localStorage", "indexedDB"]) Object.defineProperty(window, name, blocked);
    Object.defineProperty(navigator, "locks", { value: undefined });
    Object.defineProperty(window, "BroadcastChannel", blocked);
  });
  const tabs = [await ada.tab(), await ada.tab(), await ada.tab()];
  await pass(LIFE + 500);
  expect(await Promise.all(tabs.map(user))).toEqual(["ada", "ada", "ada"]);
  await tabs[0]!.reload();
  expect(await user(tabs[0]!)).toBe("ada");
  expect(await Promise.all(tabs.map(signOuts))).toEqual([0, 0, 0]);
});

test("a logout in one tab empties all, and the application's session with them", async () => {
  const tabs = [await ada.tab(), await ada.tab(), await ada.tab()];
  const result = await tabs[0]!.evaluate(() => window.client.logout());
  expect(result.session).toBe("ended");
  for (const tab of tabs) {
    await expect.poll(() => status(tab)).toBe("visitor");
    expect(await signOuts(tab)).toBe(1);
    expect(await user(tab)).toBe(401);
  }
  expect((await ada.context.cookies()).map(({ name }) => name)).not.toContain("sessionid");
  expect(await (await ada.tab()).evaluate(() => window.client.adoptSession())).toBeNull();
});

test("a logout in the application itself is seen at the next request", async () => {
  const [tab, page] = [await ada.tab(), await ada.context.newPage()];
  await page.goto(front.origin);
  await page.click("header form button");
  expect(await user(tab)).toBe(401);
  expect(await signOuts(tab)).toBe(1);
});

test("a POST needs no CSRF token of the application while a token carries it", async () => {
  const tab = await ada.tab();
  const answer = await tab.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    const response = await window.client.fetch("/api/notes", { method: "POST", headers, body: '{"text":"From a page"}' });
    return [response.status, await response.json()];
  });
  expect(answer).toMatchObject([201, { user: "ada", text: "From a page" }]);
});

test("a redirect to a file that another origin gives to everybody is followed, and takes no token along", async () => {
  const files = new Front();
  await files.listen();
  files.fate = () => ({ status: 200, headers: { "access-control-allow-origin": "*" }, body: "a file" });
  front.connects = files.origin;
  try {
    const tab = await ada.tab();
    front.fate = ({ url }) => (url === "/download" ? { status: 302, headers: { location: `${files.origin}/file` } } : null);
    const download = () => window.client.fetch("/download").then((response) => response.text(), String);
    expect(await tab.evaluate(download)).toBe("a file");
    expect(front.lastAuthorization).toMatch(/^Bearer /);
    expect(files.lastAuthorization).toBe("");
  } finally {
    front.connects = "";
    files.close();
  }
});

test("signing in by name, where the gateway knows no login: a clear error", async () => {
  const tab = await ada.tab();
  const code = await tab.evaluate(() => window.client.login({ username: "ada", password: "x" }).catch(({ code }) => code));
  expect(code).toBe("unsupported_grant_type");
  expect(await user(tab)).toBe("ada");
});

test("a ticket opens an address once, without header and cookie", async () => {
  const tab = await ada.tab();
  const statuses = await tab.evaluate(async () => {
    const url = await window.client.ticketUrl("/api/me?a=b");
    const ask = async () => (await fetch(url, { credentials: "omit" })).status;
    return [await ask(), await ask()];
  });
  expect(statuses).toEqual([200, 401]);
});

test("no token is in any storage, in a readable cookie, or in what tabs tell each other", async () => {
  const tab = await ada.tab();
  const listener = await ada.tab();
  await listener.evaluate(() => {
    const heard: unknown[] = Object.assign(window, { heard: [] as unknown[] }).heard;
    const name = `crossfade ${location.origin}/.crossfade web`;
    new BroadcastChannel(name).onmessage = ({ data }) => heard.push(data);
  });
  await tab.evaluate(() => window.client.refresh());
  const found = await tab.evaluate(() => [JSON.stringify({ ...sessionStorage }), JSON.stringify({ ...localStorage }), document.cookie]);
  expect(found.slice(0, 2)).toEqual(["{}", "{}"]);
  expect(found[2]).not.toContain("crossfade");
  const heard = await listener.evaluate(() => (window as unknown as { heard: unknown[] }).heard);
  expect(heard.every((message) => typeof message === "number")).toBe(true);
  const refresh = (await ada.context.cookies()).find(({ name }) => name === "__Host-crossfade_refresh");
  expect(refresh).toMatchObject({ httpOnly: true, secure: true, path: "/" });
});

test("a content security policy without unsafe-inline, which is in force", async () => {
  const tab = await ada.tab();
  await pass(LIFE + 500);
  expect(await user(tab)).toBe("ada");
  await tab.evaluate(() => window.client.logout());
  expect(await tab.evaluate(() => window.violations)).toEqual([]);
  const violations = await tab.evaluate(() => {
    document.body.append(Object.assign(document.createElement("script"), { textContent: "window.user = null" }));
    return new Promise((resolve) => setTimeout(() => resolve(window.violations), 100));
  });
  expect(violations).toEqual(["script-src-elem"]);
});

describe("the way back", () => {
  afterEach(() => backend.phase("parallel"));

  test("to off and forward again with open tabs: nobody signs in again", async () => {
    const tabs = [await ada.tab(), await ada.tab()];
    await backend.phase("off");
    expect(await Promise.all(tabs.map(user))).toEqual(["ada", "ada"]);
    await pass(LIFE + 500);
    expect(await Promise.all(tabs.map(user))).toEqual(["ada", "ada"]);
    expect(await Promise.all(tabs.map(status))).toEqual(["cookie", "cookie"]);
    const asked = front.count(TOKEN);
    await Promise.all(tabs.map(user));
    expect(front.count(TOKEN)).toBe(asked);
    expect(await user(await ada.tab())).toBe("ada");

    await backend.phase("parallel");
    expect(await Promise.all(tabs.map(user))).toEqual(["ada", "ada"]);
    await tabs[0]!.reload();
    expect(await user(tabs[0]!)).toBe("ada");
    expect(await status(tabs[0]!)).toBe("token");
    expect(await user(tabs[1]!)).toBe("ada"); // it heard of it
    expect(await status(tabs[1]!)).toBe("token");
    for (const tab of tabs) expect(await signOuts(tab)).toBe(0);
  });

  test("to handback: tokens go on to their end, then the cookie", async () => {
    const tab = await ada.tab();
    await backend.phase("handback");
    expect(await user(tab)).toBe("ada");
    await pass(LIFE + 500);
    expect(await user(tab)).toBe("ada");
    expect(await status(tab)).toBe("cookie");
    expect(await tab.evaluate(() => window.client.state.phase)).toBe("handback");
  });

  test("past the gateway and back", async () => {
    const tab = await ada.tab();
    front.isBypassing = true;
    await pass(LIFE + 500);
    expect(await user(tab)).toBe("ada");
    expect(await tab.evaluate(() => window.client.state.phase)).toBe("bypassed");
    front.isBypassing = false;
    await tab.reload();
    expect(await user(tab)).toBe("ada");
    expect(await status(tab)).toBe("token");
    expect(await signOuts(tab)).toBe(0);
  });
});

test("a balancer's own 503 and lost requests keep the user signed in", async () => {
  const tab = await ada.tab();
  await pass(LIFE + 500);
  front.fate = ({ url }) => (url === "/.crossfade/token" ? { status: 503 } : null);
  expect(await user(tab)).toBe("ada"); // by the cookie
  front.fate = ({ url }) => (url === "/.crossfade/token" ? { lose: "request" } : null);
  await pass(1000);
  expect(await user(tab)).toBe("ada");
  front.fate = () => null;
  await expect.poll(() => tab.evaluate(() => window.client.state.expiresAt! > Date.now()), { timeout: 10_000 }).toBe(true);
  expect(await signOuts(tab)).toBe(0);
});
