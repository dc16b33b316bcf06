import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, Tab } from "./browser.js";
import { problem } from "./gateway.js";

let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("signing in", () => {
  test("the session cookie becomes a token that requests carry, beside the cookie", async () => {
    const tab = await browser.signedIn();
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
    const asked = browser.tokenRequests;
    expect(await tab.user()).toBe("401");
    expect(browser.tokenRequests).toBe(asked);
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

  test("who signs in while the page still looks is adopted, at the cost of one more look", async () => {
    browser.jar.clear();
    const tab = new Tab(browser);
    browser.fate = ({ path }) => ({ latency: path.endsWith("/token") ? 1000 : 20 });
    const first = tab.client.adoptSession();
    await browser.time.pass(1700); // the gateway has answered: nobody
    browser.gateway.logIn("ada", browser.jar);
    const all = Promise.all(Array.from({ length: 5 }, () => tab.client.adoptSession()));
    for (const session of await browser.time.until(all)) expect(session).toMatchObject({ subject: "ada" });
    await first;
    expect(browser.tokenRequests).toBe(2 + 2);
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
    const tab = await browser.signedIn();
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

  test("a late answer that nobody is signed in does not sign out who has just logged in", async () => {
    browser.jar.clear();
    browser.gateway.replaysLogins = true;
    const tab = new Tab(browser);
    browser.fate = ({ form }) => ({ latency: form.has("subject_token_type") ? 5500 : 20 });
    const looking = tab.client.adoptSession();
    await browser.time.pass(100);
    // The lock cannot be had in time, so that both are under way.
    await browser.time.until(tab.client.login({ username: "grace", password: "x" }));
    expect(await browser.time.until(looking)).toMatchObject({ status: "token", subject: "grace" });
    await browser.time.pass(10_000);
    expect(tab.client.state).toMatchObject({ status: "token", subject: "grace" });
    expect(tab.told.signedOut).toEqual([]);
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
