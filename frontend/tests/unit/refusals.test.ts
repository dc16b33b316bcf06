import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, SITE } from "./browser.js";
import { problem } from "./gateway.js";

let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("a 401", () => {
  test("of the gateway about the token is healed once, body and all", async () => {
    const tab = await browser.signedIn();
    browser.gateway.revokeAll();
    const answer = await (await tab.get("/api/me", { method: "POST", body: "note" })).json();
    expect(answer).toMatchObject({ user: "ada", body: "note" });
    expect(browser.count("POST /api/me")).toBe(2);
  });

  test("heals a Request with a body and a signal too", async () => {
    const tab = await browser.signedIn();
    browser.gateway.revokeAll();
    const request = new Request(`${SITE}/api/me`, { method: "POST", body: "note", headers: { "x-mine": "1" } });
    const answer = await browser.time.until(tab.client.fetch(request));
    expect(await answer.json()).toMatchObject({ user: "ada", body: "note" });
    expect(browser.sent.at(-1)?.headers.get("x-mine")).toBe("1");
  });

  test("is passed on when the new token is refused as well", async () => {
    const tab = await browser.signedIn();
    browser.gateway.fault = ({ path }) => (path === "/api/me" ? problem(401, "invalid_token") : null);
    expect((await tab.get("/api/me")).status).toBe(401);
    expect(browser.count("GET /api/me")).toBe(2);
  });

  test("of the application is passed on, with one look whether the gateway is still there", async () => {
    const tab = await browser.signedIn();
    const [asked, looked] = [browser.tokenRequests, browser.count("GET /.crossfade/session")];
    for (let time = 0; time < 5; time++) expect((await tab.get("/api/secret")).status).toBe(401);
    expect(browser.count("GET /api/secret")).toBe(5);
    expect(browser.tokenRequests).toBe(asked);
    expect(browser.count("GET /.crossfade/session") - looked).toBe(1);
  });

  test("for a stream is passed on, and the next request is good", async () => {
    const tab = await browser.signedIn();
    browser.gateway.revokeAll();
    const body = new Blob(["note"]).stream();
    expect((await tab.get("/api/me", { method: "POST", body, duplex: "half" } as RequestInit)).status).toBe(401);
    expect(await tab.user()).toBe("ada");
  });

  test("heals a Request that was made from a stream, whose body was kept", async () => {
    const tab = await browser.signedIn();
    browser.gateway.revokeAll();
    const init = { method: "POST", body: new Blob(["note"]).stream(), duplex: "half" } as RequestInit;
    const answer = await browser.time.until(tab.client.fetch(new Request(`${SITE}/api/me`, init)));
    expect(await answer.json()).toMatchObject({ user: "ada", body: "note" });
  });

  test("whose token was renewed meanwhile is repeated without asking again", async () => {
    const tab = await browser.signedIn();
    browser.gateway.revokeAll();
    browser.fate = ({ path, headers }) => ({ latency: path === "/slow" && !headers.has("x") ? 500 : 20 });
    const slow = tab.client.fetch("/slow");
    const before = browser.tokenRequests;
    expect(await tab.user()).toBe("ada");
    await browser.time.until(slow);
    expect(browser.tokenRequests - before).toBe(1);
  });

  test("after everything has ended signs out, and the application sees it", async () => {
    const tab = await browser.signedIn();
    browser.gateway.logOutOfTheApplication(browser.jar);
    const response = await tab.get("/api/me");
    expect([response.status, (await response.json()).code]).toEqual([401, "invalid_token"]);
    expect(tab.told.signedOut).toEqual([{ reason: "expired" }]);
  });

  test("that comes while the token is renewed anyway signs out all the same", async () => {
    const tab = await browser.signedIn();
    await browser.time.pass(3550_000);
    browser.gateway.logOutOfTheApplication(browser.jar);
    expect((await tab.get("/api/me")).status).toBe(401);
    expect(tab.told.signedOut).toEqual([{ reason: "expired" }]);
  });

  test("after the family ended alone is healed by the session", async () => {
    const tab = await browser.signedIn();
    browser.gateway.endFamilies();
    expect(await tab.user()).toBe("ada");
    expect(tab.told.signedOut).toEqual([]);
    expect(browser.gateway.counts.exchanged).toBe(2);
  });
});
