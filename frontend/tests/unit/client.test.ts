import { beforeEach, describe, expect, test } from "vitest";
import { CrossfadeError } from "../../src/index.js";
import { FakeBrowser, SITE, Tab } from "./browser.js";
import { problem } from "./gateway.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = new FakeBrowser();
  browser.gateway.logIn("ada", browser.jar);
});

function count(what: string): number {
  return browser.gateway.log.filter((line) => line === what).length;
}

const tokenRequests = () => count("POST /.crossfade/token");

async function signedIn(): Promise<Tab> {
  const tab = new Tab(browser);
  await browser.time.until(tab.client.adoptSession());
  expect(tab.client.state).toMatchObject({ status: "token", subject: "ada", phase: "parallel" });
  return tab;
}

describe("signing in", () => {
  test("the session cookie becomes a token that requests carry, beside the cookie", async () => {
    const tab = await signedIn();
    const answer = await (await tab.get("/api/me")).json();
    expect(answer).toMatchObject({ user: "ada", authorization: expect.stringMatching(/^Bearer at-/) });
  });

  test("fetch adopts the session by itself", async () => {
    const tab = new Tab(browser);
    const answer = await (await tab.get("/api/me")).json();
    expect(answer.authorization).toMatch(/^Bearer at-/);
  });

  test("a visitor is null and no error, and is asked about once", async () => {
    browser.jar.clear();
    const tab = new Tab(browser);
    expect(await browser.time.until(tab.client.adoptSession())).toBeNull();
    const asked = tokenRequests();
    expect(await tab.user()).toBe("401");
    expect(tokenRequests()).toBe(asked);
    expect(tab.told.signedOut).toEqual([]);
  });

  test("a session that nobody can verify is a visitor too", async () => {
    browser.gateway.sessions.clear();
    const tab = new Tab(browser);
    expect(await browser.time.until(tab.client.adoptSession())).toBeNull();
  });

  test("a visitor who signs in by the application's own form is adopted", async () => {
    browser.jar.clear();
    const tab = new Tab(browser);
    await browser.time.until(tab.client.adoptSession());
    browser.gateway.logIn("ada", browser.jar);
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ subject: "ada" });
  });

  test("a lost answer of an exchange opens no second family", async () => {
    let lost = 0;
    browser.fate = ({ form }) => (form.get("subject_token_type") && lost++ < 2 ? { lost: "response" } : {});
    const tab = new Tab(browser);
    await browser.time.until(tab.client.adoptSession());
    await browser.time.pass(10_000);
    expect(browser.gateway.families).toBe(1);
    expect(tab.client.state.status).toBe("token");
  });

  test("signing in with a name where the gateway cannot: a clear error, and the session goes on", async () => {
    const tab = await signedIn();
    const login = browser.time.until(tab.client.login({ username: "ada", password: "x" }));
    await expect(login).rejects.toMatchObject({ code: "unsupported_grant_type", status: 400, isTemporary: false });
    expect(await tab.user()).toBe("ada");
  });

  test("signing in with a name where the gateway can", async () => {
    browser.jar.clear();
    browser.gateway.replaysLogins = true;
    const tab = new Tab(browser);
    const state = await browser.time.until(tab.client.login({ username: "grace", password: "x" }));
    expect(state).toMatchObject({ status: "token", subject: "grace" });
  });

  test("an unknown client is told to the developer, and users go on with the cookie", async () => {
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? problem(401, "invalid_client") : null);
    const tab = new Tab(browser);
    await expect(browser.time.until(tab.client.adoptSession())).rejects.toMatchObject({
      code: "invalid_client",
      requestId: "r-1",
    });
    expect(await tab.user()).toBe("ada");
  });

  test("a session with too many sets of tokens goes on with the cookie", async () => {
    browser.gateway.fault = ({ form }) => (form.get("subject_token_type") ? problem(429, "too_many_families") : null);
    const tab = new Tab(browser);
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ status: "cookie" });
    expect(await tab.user()).toBe("ada");
  });
});

describe("renewing", () => {
  test("twenty requests with an expired token renew once", async () => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    const before = tokenRequests();
    const answers = await browser.time.until(Promise.all(Array.from({ length: 20 }, () => tab.client.fetch("/api/me"))));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(tokenRequests() - before).toBe(1);
  });

  test("a token in its last tenth is renewed behind the request's back", async () => {
    const tab = await signedIn();
    await browser.time.pass(0.95 * HOUR);
    const [first] = [tab.client.state.expiresAt];
    const sentAt = browser.time.now;
    await tab.get("/api/me");
    expect(browser.time.now - sentAt).toBeLessThanOrEqual(20);
    await browser.time.pass(1000);
    expect(tab.client.state.expiresAt).toBeGreaterThan(first ?? 0);
    expect(tab.told.refreshed).toHaveLength(2);
  });

  test.each(["visibilitychange", "online", "pageshow"])("%s renews a token that ages", async (event) => {
    const tab = await signedIn();
    tab.happens(event);
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(0);
    await browser.time.pass(0.95 * HOUR);
    tab.happens(event);
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("a hidden page waits until it is seen", async () => {
    const tab = await signedIn();
    await browser.time.pass(0.95 * HOUR);
    tab.isHidden = true;
    tab.happens("visibilitychange");
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(0);
  });

  test("nothing is renewed for a page that asks for nothing", async () => {
    await signedIn();
    await browser.time.pass(100 * HOUR);
    expect(browser.gateway.counts.rotated).toBe(0);
  });

  test("very short lives are renewed in their second half only", async () => {
    browser = new FakeBrowser({ access: 10_000, refresh: 3600_000, grace: 1000 });
    browser.gateway.logIn("ada", browser.jar);
    const tab = await signedIn();
    await browser.time.pass(4000);
    await tab.get("/api/me");
    await browser.time.pass(500);
    expect(browser.gateway.counts.rotated).toBe(0);
    await browser.time.pass(1500);
    await tab.get("/api/me");
    await browser.time.pass(500);
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("a button may renew at any time, and is told when that fails", async () => {
    const tab = await signedIn();
    await browser.time.pass(60_000);
    expect(await browser.time.until(tab.client.refresh())).toMatchObject({ status: "token" });
    expect(browser.gateway.counts.rotated).toBe(1);
    browser.isOnline = false;
    await expect(browser.time.until(tab.client.refresh())).rejects.toMatchObject({ code: "network_error" });
    browser.isOnline = true;
    expect(await tab.user()).toBe("ada");
  });
});

describe("five tabs", () => {
  async function fiveTabs(): Promise<Tab[]> {
    const tabs = [];
    for (let number = 0; number < 5; number++) tabs.push(await signedIn());
    return tabs;
  }

  test("and a storm after expiry are one rotation, one request each, one after the other", async () => {
    const tabs = await fiveTabs();
    await browser.time.pass(2 * HOUR);
    const before = tokenRequests();
    const all = tabs.flatMap((tab) => Array.from({ length: 10 }, () => tab.client.fetch("/api/me")));
    for (const answer of await browser.time.until(Promise.all(all))) expect(answer.status).toBe(200);
    expect(tokenRequests() - before).toBe(5);
    expect(browser.gateway.counts).toMatchObject({ rotated: 1, tooYoung: 4 + 4, grace: 0, replay: 0, exchanged: 1 });
  });

  test("without Web Locks the gateway gives all the same successor", async () => {
    browser.locks = null;
    const tabs = await fiveTabs();
    await browser.time.pass(2 * HOUR);
    for (const answer of await browser.time.until(Promise.all(tabs.map((tab) => tab.client.fetch("/api/me")))))
      expect(answer.status).toBe(200);
    expect(browser.gateway.counts).toMatchObject({ rotated: 1, grace: 4, replay: 0 });
  });

  test("a frozen tab that holds the lock stops nobody", async () => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    browser.locks?.holdForEver(`crossfade ${SITE}/.crossfade web`);
    expect(await tab.user()).toBe("ada");
    await browser.time.pass(10_000);
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("never hear a token", async () => {
    await fiveTabs();
    expect(browser.messages.length).toBeGreaterThan(4);
    for (const message of browser.messages) expect(message).toBeTypeOf("number");
  });

  test("a logout in one empties all, and nothing is asked afterwards", async () => {
    const tabs = await fiveTabs();
    const result = await browser.time.until(tabs[0]!.client.logout());
    expect(result).toEqual({ families: 1, session: "ended" });
    await browser.time.pass(100);
    expect(tabs.map((tab) => tab.client.state.status)).toEqual(Array(5).fill("visitor"));
    expect(tabs.map((tab) => tab.told.signedOut[0]?.reason)).toEqual(["logout", ...Array(4).fill("elsewhere")]);
    const before = tokenRequests();
    expect(await tabs[4]!.user()).toBe("401");
    expect(tokenRequests()).toBe(before);
  });

  test("a sign-in in one is heard by the others", async () => {
    browser.jar.clear();
    const [one, other] = [new Tab(browser), new Tab(browser)];
    for (const tab of [one, other]) await browser.time.until(tab.client.adoptSession());
    browser.gateway.logIn("ada", browser.jar);
    await browser.time.until(one.client.adoptSession());
    await browser.time.pass(10);
    expect(other.client.state.status).toBe("unknown");
    const answer = await (await other.get("/api/me")).json();
    expect(answer.authorization).toMatch(/^Bearer/);
  });

  test("without channels each finds out by itself", async () => {
    browser.hasChannels = false;
    const tabs = await fiveTabs();
    await browser.time.until(tabs[0]!.client.logout());
    expect(await tabs[1]!.user()).toBe("401");
    expect(tabs[1]!.told.signedOut).toEqual([{ reason: "expired" }]);
  });

  test("listeners run outside of the lock", async () => {
    const tab = new Tab(browser);
    let inside: Promise<unknown> = Promise.resolve();
    tab.client.on("refreshed", () => {
      inside = tab.client.refresh();
    });
    await browser.time.until(tab.client.adoptSession());
    await browser.time.until(inside);
    expect(tab.client.state.status).toBe("token");
  });
});

describe("a 401", () => {
  test("of the gateway about the token is healed once, body and all", async () => {
    const tab = await signedIn();
    browser.gateway.revokeAll();
    const answer = await (await tab.get("/api/me", { method: "POST", body: "note" })).json();
    expect(answer).toMatchObject({ user: "ada", body: "note" });
    expect(count("POST /api/me")).toBe(2);
  });

  test("heals a Request with a body and a signal too", async () => {
    const tab = await signedIn();
    browser.gateway.revokeAll();
    const request = new Request(`${SITE}/api/me`, { method: "POST", body: "note", headers: { "x-mine": "1" } });
    const answer = await browser.time.until(tab.client.fetch(request));
    expect(await answer.json()).toMatchObject({ user: "ada", body: "note" });
    expect(browser.sent.at(-1)?.headers.get("x-mine")).toBe("1");
  });

  test("is passed on when the new token is refused as well", async () => {
    const tab = await signedIn();
    browser.gateway.fault = ({ path }) => (path === "/api/me" ? problem(401, "invalid_token") : null);
    expect((await tab.get("/api/me")).status).toBe(401);
    expect(count("GET /api/me")).toBe(2);
  });

  test("of the application is passed on, with one look whether the gateway is still there", async () => {
    const tab = await signedIn();
    const [asked, looked] = [tokenRequests(), count("GET /.crossfade/session")];
    for (let time = 0; time < 5; time++) expect((await tab.get("/api/secret")).status).toBe(401);
    expect(count("GET /api/secret")).toBe(5);
    expect(tokenRequests()).toBe(asked);
    expect(count("GET /.crossfade/session") - looked).toBe(1);
  });

  test("for a stream is passed on, and the next request is good", async () => {
    const tab = await signedIn();
    browser.gateway.revokeAll();
    const body = new Blob(["note"]).stream();
    expect((await tab.get("/api/me", { method: "POST", body, duplex: "half" } as RequestInit)).status).toBe(401);
    expect(await tab.user()).toBe("ada");
  });

  test("whose token was renewed meanwhile is repeated without asking again", async () => {
    const tab = await signedIn();
    browser.gateway.revokeAll();
    browser.fate = ({ path, headers }) => ({ latency: path === "/slow" && !headers.has("x") ? 500 : 20 });
    const slow = tab.client.fetch("/slow");
    const before = tokenRequests();
    expect(await tab.user()).toBe("ada");
    await browser.time.until(slow);
    expect(tokenRequests() - before).toBe(1);
  });

  test("after everything has ended signs out, and the application sees it", async () => {
    const tab = await signedIn();
    browser.gateway.logOutOfTheApplication(browser.jar);
    const response = await tab.get("/api/me");
    expect([response.status, (await response.json()).code]).toEqual([401, "invalid_token"]);
    expect(tab.told.signedOut).toEqual([{ reason: "expired" }]);
  });

  test("after the family ended alone is healed by the session", async () => {
    const tab = await signedIn();
    browser.gateway.endFamilies();
    expect(await tab.user()).toBe("ada");
    expect(tab.told.signedOut).toEqual([]);
    expect(browser.gateway.counts.exchanged).toBe(2);
  });
});

describe("faults", () => {
  test.each([
    ["a lost request", { lost: "request" as const }],
    ["a lost response", { lost: "response" as const }],
    ["503 of the gateway's neighbour", { status: 503 }],
    ["429", { status: 429 }],
    ["an answer after ages", { latency: 60_000 }],
  ])("%s keeps the user signed in", async (_what, fate) => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    let faults = 2;
    browser.fate = ({ path }) => (path.endsWith("/token") && faults-- > 0 ? fate : {});
    expect(await tab.user()).toBe("ada");
    await browser.time.pass(60_000);
    expect(tab.client.state.status).toBe("token");
    expect(tab.told.signedOut).toEqual([]);
    expect(browser.gateway.counts.replay).toBe(0);
  });

  test("a response lost behind the user's back is asked for again within the gateway's grace", async () => {
    const tab = await signedIn();
    await browser.time.pass(0.95 * HOUR);
    let faults = 1;
    browser.fate = ({ path }) => (path.endsWith("/token") && faults-- > 0 ? { lost: "response" } : {});
    await tab.get("/api/me");
    browser.jar.delete("sessionid"); // no exchange could save it
    await browser.time.pass(HOUR);
    expect(browser.gateway.counts).toMatchObject({ grace: 1, replay: 0 });
    expect(await tab.user()).toBe("ada");
  });

  test("Retry-After is kept to, and pauses grow with jitter", async () => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    const times: number[] = [];
    browser.gateway.fault = ({ path }) => {
      if (!path.endsWith("/token")) return null;
      times.push(browser.time.now);
      return problem(503, "store_unavailable", times.length === 1 ? { "retry-after": "7" } : {});
    };
    expect(await tab.user()).toBe("ada"); // by the cookie, at once
    await browser.time.pass(300_000);
    const pauses = times.slice(1).map((time, at) => Math.round((time - (times[at] ?? 0)) / 100) / 10);
    expect(pauses.slice(0, 9)).toEqual([7, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4, 45]);
    browser.gateway.fault = null;
    tab.happens("online");
    await browser.time.pass(100);
    expect(tab.told.refreshed).toHaveLength(2);
  });

  test("where the cookie does not count, requests wait for a token and then say why there is none", async () => {
    const tab = await signedIn();
    browser.gateway.phase = "tokens_only";
    await browser.time.until(tab.client.refresh());
    expect(tab.told.phase).toEqual([{ phase: "parallel" }, { phase: "tokens_only" }]);
    await browser.time.pass(2 * HOUR);
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? problem(503, "store_unavailable") : null);
    const failing = tab.client.fetch("/api/me");
    await expect(browser.time.until(failing)).rejects.toMatchObject({ code: "store_unavailable", isTemporary: true });
    expect(count("GET /api/me")).toBe(0);
    browser.gateway.fault = null;
    await browser.time.pass(60_000);
    expect(await tab.user()).toBe("ada");
  });

  test("offline and back", async () => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    browser.isOnline = false;
    await expect(tab.get("/api/me")).rejects.toThrow(TypeError);
    await browser.time.pass(5 * HOUR);
    browser.isOnline = true;
    tab.happens("online");
    await browser.time.pass(100);
    expect(await tab.user()).toBe("ada");
    expect(tab.told.signedOut).toEqual([]);
  });

  test("who leaves does not wait", async () => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    browser.fate = ({ path }) => ({ latency: path.endsWith("/token") ? 4000 : 20 });
    const leaving = new AbortController();
    const request = tab.client.fetch("/api/me", { signal: leaving.signal });
    const failed = expect(request).rejects.toThrow("left");
    leaving.abort(new Error("left"));
    await failed;
    await expect(tab.client.fetch("/api/me", { signal: leaving.signal })).rejects.toThrow("left");
  });

  test.each([
    [{ access_token: "", expires_in: 3600 }],
    [{ access_token: "at-1" }],
    [{}],
  ])("a broken answer %j is no token", async (body) => {
    browser.gateway.fault = ({ path }) =>
      path.endsWith("/token") ? Response.json(body, { headers: { "x-crossfade": "1" } }) : null;
    const tab = new Tab(browser);
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ status: "unknown" });
    await expect(browser.time.until(tab.client.refresh())).rejects.toMatchObject({ code: "network_error" });
  });

  test("a logout that does not reach the gateway is no logout", async () => {
    const tab = await signedIn();
    browser.isOnline = false;
    await expect(browser.time.until(tab.client.logout())).rejects.toBeInstanceOf(CrossfadeError);
    browser.isOnline = true;
    expect(await tab.user()).toBe("ada");
    expect(tab.told.signedOut).toEqual([]);
  });
});

describe("clocks", () => {
  test.each([-600_000, 600_000])("a wall clock that is wrong by %d ms changes nothing", async (skew) => {
    const tab = new Tab(browser);
    tab.wallSkew = skew;
    await browser.time.until(tab.client.adoptSession());
    await browser.time.pass(0.5 * HOUR);
    expect(await tab.user()).toBe("ada");
    expect(browser.gateway.counts.rotated).toBe(0);
    await browser.time.pass(0.45 * HOUR);
    await tab.user();
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("a wall clock that is set forward costs one renewal, one that is set back none", async () => {
    const tab = await signedIn();
    tab.wallSkew = 4 * HOUR;
    expect(await tab.user()).toBe("ada");
    expect(await tab.user()).toBe("ada");
    await browser.time.pass(100);
    expect(tokenRequests()).toBe(2 + 1);
    tab.wallSkew = 0;
    expect(await tab.user()).toBe("ada");
    await browser.time.pass(100);
    expect(tokenRequests()).toBe(3);
  });

  test("a monotonic clock that slept is no excuse", async () => {
    const tab = await signedIn();
    await browser.time.pass(2 * HOUR);
    tab.monotonicLag = 2 * HOUR;
    const before = count("GET /api/me");
    expect(await tab.user()).toBe("ada");
    expect(count("GET /api/me") - before).toBe(1); // no refused one first
  });

  test("expiresAt is by the machine's own clock", async () => {
    const tab = new Tab(browser);
    tab.wallSkew = 600_000;
    await browser.time.until(tab.client.adoptSession());
    const wall = 1_800_000_000_000 + browser.time.now + tab.wallSkew;
    expect(Math.abs((tab.client.state.expiresAt ?? 0) - wall - HOUR)).toBeLessThan(2000);
  });
});

describe("the way back", () => {
  test("when tokens are switched off the cookie goes on, and nobody signs in again", async () => {
    const tab = await signedIn();
    browser.gateway.phase = "off";
    await browser.time.pass(2 * HOUR);
    const answer = await (await tab.get("/api/me")).json();
    expect(answer).toMatchObject({ user: "ada", authorization: null });
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: "off", subject: "ada" });
    expect(tab.told.phase.at(-1)).toEqual({ phase: "off" });
    const asked = tokenRequests();
    await browser.time.pass(2 * HOUR);
    expect(await tab.user()).toBe("ada");
    expect(tokenRequests()).toBe(asked);
    await expect(browser.time.until(tab.client.logout())).rejects.toMatchObject({ code: "phase_off" });

    browser.gateway.phase = "parallel";
    expect(await tab.user()).toBe("ada");
    const next = tab.navigate();
    const after = await (await next.get("/api/me")).json();
    expect(after.authorization).toMatch(/^Bearer/);
    await browser.time.pass(10);
    expect(tab.told.signedOut).toEqual([]);
  });

  test("a page that starts while tokens are off has a session, not a visitor", async () => {
    browser.gateway.phase = "off";
    const tab = new Tab(browser);
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ status: "cookie", phase: "off" });
    expect(await browser.time.until(tab.client.ticketUrl("/events/"))).toBe(`${SITE}/events/`);
  });

  test("an open tab follows another one that found tokens again", async () => {
    const tab = await signedIn();
    browser.gateway.phase = "off";
    await browser.time.pass(2 * HOUR);
    await tab.user();
    browser.gateway.phase = "parallel";
    await signedIn();
    await browser.time.pass(10);
    expect((await (await tab.get("/api/me")).json()).authorization).toMatch(/^Bearer/);
  });

  test("a cookie that does not count any more makes it look again at once", async () => {
    browser.gateway.phase = "off";
    const tab = new Tab(browser);
    await browser.time.until(tab.client.adoptSession());
    browser.gateway.phase = "tokens_only";
    expect(await tab.user()).toBe("ada");
    expect(tab.client.state).toMatchObject({ status: "token", phase: "tokens_only" });
  });

  test("in handback a good token goes on, then the cookie", async () => {
    const tab = await signedIn();
    browser.gateway.phase = "handback";
    await browser.time.pass(0.95 * HOUR);
    await tab.get("/api/me");
    await browser.time.pass(1000);
    expect(tab.client.state).toMatchObject({ status: "token", phase: "handback" });
    expect((await (await tab.get("/api/me")).json()).authorization).toMatch(/^Bearer/);
    await browser.time.pass(HOUR);
    expect((await (await tab.get("/api/me")).json()).authorization).toBeNull();
    expect(tab.client.state.status).toBe("cookie");
  });

  test("in handback a token that is refused leaves the word to the cookie", async () => {
    const tab = await signedIn();
    browser.gateway.phase = "handback";
    await expect(browser.time.until(tab.client.refresh())).resolves.toMatchObject({ status: "token" });
    browser.gateway.revokeAll();
    expect((await (await tab.get("/api/me")).json()).authorization).toBeNull();
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: "handback" });
  });

  test("past the gateway and back", async () => {
    const tab = await signedIn();
    browser.gateway.isBypassed = true;
    await browser.time.pass(2 * HOUR);
    expect((await (await tab.get("/api/me")).json()).authorization).toBeNull();
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: "bypassed" });
    const next = tab.navigate();
    expect(await next.user()).toBe("ada");
    browser.gateway.isBypassed = false;
    const last = next.navigate();
    expect((await (await last.get("/api/me")).json()).authorization).toMatch(/^Bearer/);
  });

  test("an application that refuses our token because the gateway is gone gets the cookie alone", async () => {
    const tab = await signedIn();
    browser.gateway.isBypassed = true;
    const refuseTokens = async (input: RequestInfo | URL, init?: RequestInit) => {
      const sent = new Headers(init?.headers);
      return sent.has("authorization") ? new Response("what?", { status: 401 }) : original.call(browser, input, init);
    };
    const original = browser.send;
    browser.send = refuseTokens;
    expect(await tab.user()).toBe("ada");
    expect(tab.client.state.phase).toBe("bypassed");
  });
});

describe("another user", () => {
  function signInAs(subject: string): void {
    browser.gateway.logOutOfTheApplication(browser.jar);
    browser.gateway.logIn(subject, browser.jar);
  }

  test("is told, and no request of the former one is sent as the new one", async () => {
    const tab = await signedIn();
    signInAs("grace");
    await browser.time.pass(2 * HOUR);
    await expect(tab.get("/api/me", { method: "POST", body: "ada's" })).rejects.toMatchObject({ code: "user_changed" });
    expect(tab.told.userChanged).toEqual([{ from: "ada", to: "grace" }]);
    expect(count("POST /api/me")).toBe(0);
    expect(await tab.user()).toBe("grace");
  });

  test("is noticed after a refusal too, by all requests on the way", async () => {
    const tab = await signedIn();
    signInAs("grace");
    const requests = [1, 2, 3].map(() => tab.client.fetch("/api/me").then(() => "sent", (error) => error.code));
    expect(await browser.time.until(Promise.all(requests))).toEqual(Array(3).fill("user_changed"));
  });

  test("who signed in while tokens were off is not overlooked by the next page", async () => {
    const tab = await signedIn();
    browser.gateway.phase = "off";
    const old = browser.jar.get("sessionid") ?? "";
    browser.gateway.logIn("grace", browser.jar); // the application's old session lives on unseen
    expect(browser.gateway.sessions.get(old)).toBe("ada");
    browser.gateway.phase = "parallel";
    const next = tab.navigate();
    expect(await next.user()).toBe("grace");
    expect(next.told.userChanged).toEqual([]);
  });

  test("who signed in in this page is adopted", async () => {
    const tab = await signedIn();
    signInAs("grace");
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ subject: "grace" });
    expect(tab.told.userChanged).toEqual([{ from: "ada", to: "grace" }]);
  });
});

describe("the next page", () => {
  test("takes the token along while over half of its life is left, and rotates nothing", async () => {
    let tab = await signedIn();
    for (let page = 0; page < 5; page++) {
      await browser.time.pass(60_000);
      tab = tab.navigate();
      expect(await tab.user()).toBe("ada");
      expect([...(tab.storage ?? [])]).toEqual([]);
    }
    expect(tokenRequests()).toBe(2);
    expect(browser.gateway.counts.rotated).toBe(0);
  });

  test("renews a token that is half over", async () => {
    const tab = await signedIn();
    await browser.time.pass(0.6 * HOUR);
    expect(await tab.navigate().user()).toBe("ada");
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("asks the gateway where storage is blocked or not wanted", async () => {
    const tab = new Tab(browser, {}, null);
    expect(await tab.user()).toBe("ada");
    expect(await tab.navigate().user()).toBe("ada");
    const storage = new Map<string, string>();
    const careful = new Tab(browser, { keepAcrossPages: false }, storage);
    expect(await careful.user()).toBe("ada");
    careful.happens("pagehide");
    expect(storage.size).toBe(0);
  });

  test("takes nothing along after a logout", async () => {
    const tab = await signedIn();
    await browser.time.until(tab.client.logout());
    expect(await tab.navigate().user()).toBe("401");
  });

  test("what was written there by somebody else is not a token", async () => {
    const storage = new Map([[`crossfade ${SITE}/.crossfade web`, "{nonsense"]]);
    const tab = new Tab(browser, {}, storage);
    expect(await tab.user()).toBe("ada");
    expect(storage.size).toBe(0);
  });

  test("that comes back from the back-forward cache looks whether it is still signed in", async () => {
    browser.hasChannels = false;
    const tab = await signedIn();
    tab.happens("pagehide");
    browser.gateway.logOutOfTheApplication(browser.jar);
    tab.happens("pageshow", { persisted: true });
    await browser.time.pass(1000);
    expect(tab.told.signedOut).toEqual([{ reason: "expired" }]);
    expect([...(tab.storage ?? [])]).toEqual([]);
  });
});

describe("where tokens go", () => {
  test.each([
    ["another origin", "http://elsewhere.test/api", {}],
    ["another port", "http://site.test:8080/api", {}],
    ["an excluded path", "/static/app.js", {}],
    ["an excluded pattern", "/x/public/y", {}],
    ["an excluded test", "/api/open?free=1", {}],
    ["the gateway's own addresses", "/.crossfade/session", {}],
    ["a request with an Authorization of its own", "/api/me", { headers: { authorization: "Basic eA==" } }],
  ])("not to %s", async (_what, url, init) => {
    const exclude = ["/static/*", "/robots.txt", /\/public\//, (found: URL) => found.searchParams.has("free")];
    const tab = new Tab(browser, { exclude });
    await browser.time.until(tab.client.adoptSession());
    await tab.get(url, init);
    expect(browser.sent.at(-1)?.headers.get("authorization") ?? "").not.toContain("at-");
  });

  test("to the gateway's origin, by any spelling of it", async () => {
    const tab = await signedIn();
    for (const url of ["/api/me", "api/me", `${SITE}/api/me`, `${SITE.toUpperCase()}:80/api/me`, new URL(`${SITE}/api/me`)]) {
      await browser.time.until(tab.client.fetch(url));
      expect(browser.sent.at(-1)?.headers.get("authorization")).toMatch(/^Bearer at-/);
    }
  });

  test("a ticket address comes from the gateway, and its absence is a clear error", async () => {
    const tab = await signedIn();
    browser.gateway.fault = ({ path }) => (path.endsWith("/ticket") ? new Response("no such page", { status: 404 }) : null);
    await expect(browser.time.until(tab.client.ticketUrl("/events/"))).rejects.toMatchObject({ code: "not_found", status: 404 });
    expect(tab.client.state.status).toBe("token");
    browser.gateway.fault = ({ path, form }) =>
      path.endsWith("/ticket")
        ? Response.json({ url: `${form.get("path")}?ticket=x` }, { headers: { "x-crossfade": "1" } })
        : null;
    expect(await browser.time.until(tab.client.ticketUrl("/events/"))).toBe(`${SITE}/events/?ticket=x`);
    browser.gateway.fault = ({ path }) => (path.endsWith("/ticket") ? problem(404, "not_found") : null);
    await expect(browser.time.until(tab.client.ticketUrl("/events/"))).rejects.toMatchObject({ code: "not_found" });
  });
});

test("a closed client listens no more", async () => {
  const tab = await signedIn();
  tab.client.close();
  const other = await signedIn();
  await browser.time.until(other.client.logout());
  await browser.time.pass(100);
  expect(tab.told.signedOut).toEqual([]);
});
