import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, Tab } from "./browser.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
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
    const tab = await browser.signedIn();
    tab.wallSkew = 4 * HOUR;
    expect(await tab.user()).toBe("ada");
    expect(await tab.user()).toBe("ada");
    await browser.time.pass(100);
    expect(browser.tokenRequests).toBe(2 + 1);
    tab.wallSkew = 0;
    expect(await tab.user()).toBe("ada");
    await browser.time.pass(100);
    expect(browser.tokenRequests).toBe(3);
  });

  test("a monotonic clock that slept is no excuse", async () => {
    const tab = await browser.signedIn();
    await browser.time.pass(2 * HOUR);
    tab.monotonicLag = 2 * HOUR;
    const before = browser.count("GET /api/me");
    expect(await tab.user()).toBe("ada");
    expect(browser.count("GET /api/me") - before).toBe(1); // no refused one first
  });

  test("expiresAt is by the machine's own clock", async () => {
    const tab = new Tab(browser);
    tab.wallSkew = 600_000;
    await browser.time.until(tab.client.adoptSession());
    const wall = 1_800_000_000_000 + browser.time.now + tab.wallSkew;
    expect(Math.abs((tab.client.state.expiresAt ?? 0) - wall - HOUR)).toBeLessThan(2000);
  });
});
