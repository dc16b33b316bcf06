import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, SITE, Tab } from "./browser.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("the way back", () => {
  test("when tokens are switched off the cookie goes on, and nobody signs in again", async () => {
    const tab = await browser.signedIn();
    browser.gateway.phase = "off";
    await browser.time.pass(2 * HOUR);
    const answer = await (await tab.get("/api/me")).json();
    expect(answer).toMatchObject({ user: "ada", authorization: null });
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: "off", subject: "ada" });
    expect(tab.told.phase.at(-1)).toEqual({ phase: "off" });
    const asked = browser.tokenRequests;
    await browser.time.pass(2 * HOUR);
    expect(await tab.user()).toBe("ada");
    expect(browser.tokenRequests).toBe(asked);
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
    const tab = await browser.signedIn();
    browser.gateway.phase = "off";
    await browser.time.pass(2 * HOUR);
    await tab.user();
    browser.gateway.phase = "parallel";
    await browser.signedIn();
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
    const tab = await browser.signedIn();
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
    const tab = await browser.signedIn();
    browser.gateway.phase = "handback";
    await expect(browser.time.until(tab.client.refresh())).resolves.toMatchObject({ status: "token" });
    browser.gateway.revokeAll();
    expect((await (await tab.get("/api/me")).json()).authorization).toBeNull();
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: "handback" });
  });

  test("the phase that gives out no tokens is the one that the gateway names", async () => {
    browser.gateway.phase = "shadow";
    const tab = new Tab(browser);
    expect((await (await tab.get("/api/me")).json()).user).toBe("ada");
    expect(tab.client.state).toMatchObject({ status: "cookie", phase: "shadow" });
  });

  test("past the gateway and back", async () => {
    const tab = await browser.signedIn();
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

  test("an application's 401 to a logout past the gateway is no logout", async () => {
    const tab = await browser.signedIn();
    const unauthorized = () => new Response("who?", { status: 401 });
    browser.gateway.fault = ({ path }) => (path.startsWith("/.crossfade/") ? unauthorized() : null);
    await expect(browser.time.until(tab.client.logout())).rejects.toMatchObject({ code: "bypassed", status: 401 });
    expect(tab.told.signedOut).toEqual([]);
    browser.gateway.fault = null;
    browser.jar.clear();
    const visitor = new Tab(browser);
    await browser.time.until(visitor.client.adoptSession());
    browser.gateway.fault = unauthorized;
    expect(await browser.time.until(visitor.client.session())).toMatchObject({ status: "cookie", phase: "bypassed" });
  });

  test("an application that refuses our token because the gateway is gone gets the cookie alone", async () => {
    const tab = await browser.signedIn();
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
