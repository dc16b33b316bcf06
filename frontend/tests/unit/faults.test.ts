import { beforeEach, describe, expect, test } from "vitest";
import { CrossfadeError } from "../../src/index.js";
import { FakeBrowser, Tab } from "./browser.js";
import { problem } from "./gateway.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("faults", () => {
  test.each([
    ["a lost request", { lost: "request" as const }],
    ["a lost response", { lost: "response" as const }],
    ["503 of the gateway's neighbour", { status: 503 }],
    ["429", { status: 429 }],
    ["an answer after ages", { latency: 60_000 }],
  ])("%s keeps the user signed in", async (_what, fate) => {
    const tab = await browser.signedIn();
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
    const tab = await browser.signedIn();
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
    const tab = await browser.signedIn();
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

  test.each([
    ["ends a pause of the client's own, however long", {}, 60_000, 1000],
    ["sits out one that the gateway asked for", { "retry-after": "3" }, 100, 3000],
  ])("an explicit refresh %s", async (_what, headers, outage, atMost) => {
    const tab = await browser.signedIn();
    await browser.time.pass(2 * HOUR);
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? problem(503, "store_unavailable", headers) : null);
    await tab.get("/api/me");
    await browser.time.pass(outage);
    browser.gateway.fault = null;
    const [before, asked] = [browser.time.now, browser.tokenRequests];
    expect(await browser.time.until(tab.client.refresh())).toMatchObject({ status: "token", subject: "ada" });
    expect(browser.time.now - before).toBeLessThan(atMost);
    expect(browser.time.now - before).toBeGreaterThan(atMost === 3000 ? 2500 : 0);
    expect(browser.tokenRequests - asked).toBe(1);
  });

  test("where the cookie does not count, requests wait for a token and then say why there is none", async () => {
    const tab = await browser.signedIn();
    browser.gateway.phase = "tokens_only";
    await browser.time.until(tab.client.refresh());
    expect(tab.told.phase).toEqual([{ phase: "parallel" }, { phase: "tokens_only" }]);
    await browser.time.pass(2 * HOUR);
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? problem(503, "store_unavailable") : null);
    const failing = tab.client.fetch("/api/me");
    await expect(browser.time.until(failing)).rejects.toMatchObject({ code: "store_unavailable", isTemporary: true });
    expect(browser.count("GET /api/me")).toBe(0);
    browser.gateway.fault = null;
    await browser.time.pass(60_000);
    expect(await tab.user()).toBe("ada");
  });

  test("a page that starts without knowing the phase learns from a refusal that the cookie does not count", async () => {
    browser.gateway.phase = "tokens_only";
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? problem(503, "store_unavailable") : null);
    const tab = new Tab(browser);
    // Not the 401: that nobody can say who this is, is no reason to sign in again.
    await expect(tab.get("/api/me")).rejects.toMatchObject({ code: "store_unavailable" });
    const waiting = tab.client.fetch("/api/me");
    browser.gateway.fault = null;
    expect((await browser.time.until(waiting)).status).toBe(200);
    expect(browser.count("GET /api/me")).toBe(3);
    expect(tab.told.signedOut).toEqual([]);
  });

  test("what the cookie was refused for makes no other request wait", async () => {
    browser.gateway.fault = ({ path, headers }) => {
      if (path.endsWith("/token")) return problem(503, "store_unavailable");
      return path === "/api/required" && !headers.has("authorization") ? problem(401, "login_required") : null;
    };
    const tab = new Tab(browser);
    await expect(tab.get("/api/required")).rejects.toMatchObject({ code: "store_unavailable" });
    const before = browser.time.now;
    expect((await tab.get("/api/public")).status).toBe(200);
    expect(browser.time.now - before).toBeLessThan(100);
    await expect(tab.get("/api/required")).rejects.toMatchObject({ code: "store_unavailable" });
  });

  test("a request that showed neither token nor cookie gets its 401 at once", async () => {
    const outage = problem(503, "store_unavailable");
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? outage.clone() : problem(401, "login_required"));
    const tab = new Tab(browser);
    expect((await tab.get("/api/required", { credentials: "omit" })).status).toBe(401);
    expect(browser.time.now).toBeLessThan(100);
  });

  test.each([0, 0.95])("somebody else's 403 to a refresh leaves a token that is still good, after %d of its life", async (part) => {
    const tab = await browser.signedIn();
    await browser.time.pass(part * HOUR);
    browser.fate = ({ path }) => (path.endsWith("/token") ? { status: 403 } : {});
    expect(await browser.time.until(tab.client.refresh())).toMatchObject({ status: "token", phase: "bypassed" });
    const answer = await (await tab.get("/api/me")).json();
    expect(answer).toMatchObject({ user: "ada", authorization: expect.stringMatching(/^Bearer/) });
    browser.fate = () => ({});
    await browser.time.pass(HOUR);
    await tab.get("/api/me");
    expect(tab.client.state).toMatchObject({ status: "token", phase: "parallel" });
  });

  test("offline and back", async () => {
    const tab = await browser.signedIn();
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
    const tab = await browser.signedIn();
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
    [{ access_token: "at-1", expires_in: -1 }],
    [{ access_token: "at-1\r\nx: y", expires_in: 3600 }],
    [{ access_token: 5 }],
    [{}],
    [null],
    ["no"],
  ])("a broken answer %j is no token", async (body) => {
    browser.gateway.fault = ({ path }) =>
      path.endsWith("/token") ? Response.json(body, { headers: { "x-crossfade": "1" } }) : null;
    const tab = new Tab(browser);
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ status: "unknown" });
    await expect(browser.time.until(tab.client.refresh())).rejects.toMatchObject({ code: "network_error" });
  });

  test.each(["constructor", "__proto__", "toString", 5, null, { code: 1 }])("a code %j means nothing", async (code) => {
    browser.gateway.fault = ({ path }) => (path.endsWith("/token") ? problem(400, code as string) : null);
    const tab = new Tab(browser);
    await expect(browser.time.until(tab.client.adoptSession())).rejects.toBeInstanceOf(CrossfadeError);
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: null });
    expect(await tab.user()).toBe("ada");
  });

  test("an error is whole where the answer is not", async () => {
    const tab = await browser.signedIn();
    const headers = { "x-crossfade": "1", "retry-after": "soon" };
    browser.gateway.fault = () => Response.json({ code: "store_unavailable" }, { status: 503, headers });
    const whole = { code: "store_unavailable", message: "store_unavailable", requestId: "", retryAfter: 0 };
    await expect(browser.time.until(tab.client.session())).rejects.toMatchObject(whole);
  });

  test("a logout that does not reach the gateway is no logout", async () => {
    const tab = await browser.signedIn();
    browser.isOnline = false;
    await expect(browser.time.until(tab.client.logout())).rejects.toBeInstanceOf(CrossfadeError);
    browser.isOnline = true;
    expect(await tab.user()).toBe("ada");
    expect(tab.told.signedOut).toEqual([]);
  });
});
