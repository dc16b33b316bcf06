import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, Tab } from "./browser.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("the next page", () => {
  test("has a token of its own, and rotates nothing while over half of a life is left", async () => {
    let tab = await browser.signedIn();
    for (let page = 0; page < 5; page++) {
      await browser.time.pass(340_000);
      tab = tab.navigate();
      expect(await tab.user()).toBe("ada");
      expect(tab.client.state.expiresAt! - 1_800_000_000_000 - browser.time.now).toBeGreaterThan(0.99 * HOUR);
    }
    expect(browser.gateway.counts).toMatchObject({ exchanged: 1, rotated: 0 });
    await browser.time.pass(340_000);
    expect(await tab.navigate().user()).toBe("ada");
    expect(browser.gateway.counts.rotated).toBe(1);
  });

  test("that is left before its answer comes loses nothing", async () => {
    await browser.signedIn();
    browser.jar.delete("sessionid"); // no exchange could save it
    for (let page = 0; page < 5; page++) {
      await browser.time.pass(60_000);
      const left = new Tab(browser);
      browser.fate = () => ({ lost: "response" });
      void left.client.adoptSession();
      await browser.time.pass(100);
      left.client.close();
      browser.fate = () => ({});
    }
    expect(await new Tab(browser).user()).toBe("ada");
    expect(browser.gateway.counts.replay).toBe(0);
  });

  test("knows nobody after a logout", async () => {
    const tab = await browser.signedIn();
    await browser.time.until(tab.client.logout());
    expect(await tab.navigate().user()).toBe("401");
  });

  test("that comes back from the back-forward cache looks whether it is still signed in", async () => {
    browser.hasChannels = false;
    const tab = await browser.signedIn();
    tab.happens("pagehide");
    browser.gateway.logOutOfTheApplication(browser.jar);
    tab.happens("pageshow", { persisted: true });
    await browser.time.pass(1000);
    expect(tab.told.signedOut).toEqual([{ reason: "expired" }]);
  });
});
