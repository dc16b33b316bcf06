import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser } from "./browser.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("renewing", () => {
  test("twenty requests with an expired token renew once", async () => {
    const tab = await browser.signedIn();
    await browser.time.pass(2 * HOUR);
    const before = browser.tokenRequests;
    const answers = await browser.time.until(Promise.all(Array.from({ length: 20 }, () => tab.client.fetch("/api/me"))));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(browser.tokenRequests - before).toBe(1);
  });

  test("a token in its last tenth is renewed behind the request's back", async () => {
    const tab = await browser.signedIn();
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
    const tab = await browser.signedIn();
    tab.happens(event);
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(0);
    await browser.time.pass(0.95 * HOUR);
    tab.happens(event);
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("a hidden page waits until it is seen", async () => {
    const tab = await browser.signedIn();
    await browser.time.pass(0.95 * HOUR);
    tab.isHidden = true;
    tab.happens("visibilitychange");
    await browser.time.pass(1000);
    expect(browser.gateway.counts.rotated).toBe(0);
  });

  test("nothing is renewed for a page that asks for nothing", async () => {
    await browser.signedIn();
    await browser.time.pass(100 * HOUR);
    expect(browser.gateway.counts.rotated).toBe(0);
  });

  test("very short lives are renewed in their second half only", async () => {
    browser = new FakeBrowser({ access: 10_000, refresh: 3600_000, grace: 1000 });
    browser.gateway.logIn("ada", browser.jar);
    const tab = await browser.signedIn();
    await browser.time.pass(4000);
    await tab.get("/api/me");
    await browser.time.pass(500);
    expect(browser.gateway.counts.rotated).toBe(0);
    await browser.time.pass(1500);
    await tab.get("/api/me");
    await browser.time.pass(500);
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("a renewal that takes too long is not said to be done", async () => {
    const tab = await browser.signedIn();
    browser.fate = ({ path }) => ({ latency: path.endsWith("/token") ? 8000 : 20 });
    await expect(browser.time.until(tab.client.refresh())).rejects.toMatchObject({ code: "timeout", isTemporary: true });
    await browser.time.pass(10_000);
    expect(tab.told.refreshed).toHaveLength(2);
  });

  test("a button may renew at any time, and is told when that fails", async () => {
    const tab = await browser.signedIn();
    await browser.time.pass(60_000);
    expect(await browser.time.until(tab.client.refresh())).toMatchObject({ status: "token" });
    expect(tab.told.refreshed).toHaveLength(2);
    browser.isOnline = false;
    await expect(browser.time.until(tab.client.refresh())).rejects.toMatchObject({ code: "network_error" });
    browser.isOnline = true;
    expect(await tab.user()).toBe("ada");
  });
});
