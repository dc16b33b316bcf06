import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, SITE, Tab } from "./browser.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("five tabs", () => {
  async function fiveTabs(): Promise<Tab[]> {
    const tabs = [];
    for (let number = 0; number < 5; number++) tabs.push(await browser.signedIn());
    return tabs;
  }

  test("and a storm after expiry are one rotation, one request each, one after the other", async () => {
    const tabs = await fiveTabs();
    await browser.time.pass(2 * HOUR);
    const before = browser.tokenRequests;
    const all = tabs.flatMap((tab) => Array.from({ length: 10 }, () => tab.client.fetch("/api/me")));
    for (const answer of await browser.time.until(Promise.all(all))) expect(answer.status).toBe(200);
    expect(browser.tokenRequests - before).toBe(5);
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
    const tab = await browser.signedIn();
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
    const before = browser.tokenRequests;
    expect(await tabs[4]!.user()).toBe("401");
    expect(browser.tokenRequests).toBe(before);
  });

  test("two logouts at once are both done, but one that could not reach other devices says so", async () => {
    const [one, other] = [await browser.signedIn(), await browser.signedIn()];
    const both = Promise.all([one.client.logout(), other.client.logout()]);
    expect(await browser.time.until(both)).toEqual([
      { families: 1, session: "ended" },
      { families: 0, session: "none" },
    ]);
    browser.gateway.logIn("ada", browser.jar);
    const tab = await browser.signedIn();
    const [, everywhere] = [tab.client.logout(), tab.client.logout({ everywhere: true })];
    await expect(browser.time.until(everywhere)).rejects.toMatchObject({ code: "invalid_token" });
    expect(tab.client.state.status).toBe("visitor");
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

test("a client that is closed while it renews tells nobody and breaks nothing", async () => {
  const tab = await browser.signedIn();
  const renewing = tab.client.refresh();
  tab.client.close();
  expect(await browser.time.until(renewing)).toMatchObject({ status: "token" });
});

test("a closed client listens no more", async () => {
  const tab = await browser.signedIn();
  tab.client.close();
  const other = await browser.signedIn();
  await browser.time.until(other.client.logout());
  await browser.time.pass(100);
  expect(tab.told.signedOut).toEqual([]);
});
