import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, Tab } from "./browser.js";
import { problem } from "./gateway.js";

let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("asking who is signed in", () => {
  test("asks the gateway, and renews nothing that is still good", async () => {
    const tab = await browser.signedIn();
    const asked = browser.tokenRequests;
    browser.gateway.phase = "prefer_tokens";
    const session = await browser.time.until(tab.client.session());
    expect(session).toMatchObject({ status: "token", subject: "ada", phase: "prefer_tokens" });
    expect(browser.tokenRequests).toBe(asked);
    expect(browser.count("GET /.crossfade/session")).toBe(1);
  });

  test("finds a session that nobody adopted yet", async () => {
    expect(await browser.time.until(new Tab(browser).client.session())).toMatchObject({ status: "token", subject: "ada" });
  });

  test("tells a visitor the phase", async () => {
    browser.jar.clear();
    const tab = new Tab(browser);
    await browser.time.until(tab.client.adoptSession());
    expect(await browser.time.until(tab.client.session())).toBeNull();
    expect(tab.client.state).toMatchObject({ status: "visitor", phase: "parallel" });
    browser.gateway.phase = "off";
    expect(await browser.time.until(tab.client.session())).toMatchObject({ status: "cookie", phase: "off" });
  });

  test("finds somebody who signed in where this page did not see it", async () => {
    browser.jar.clear();
    browser.hasChannels = false;
    const tab = new Tab(browser);
    await browser.time.until(tab.client.adoptSession());
    browser.gateway.logIn("ada", browser.jar);
    expect(await browser.time.until(tab.client.session())).toMatchObject({ status: "token", subject: "ada" });
  });

  test("finds that tokens are given out again", async () => {
    browser.gateway.phase = "off";
    const tab = new Tab(browser);
    await browser.time.until(tab.client.adoptSession());
    expect(await browser.time.until(tab.client.session())).toMatchObject({ status: "cookie", phase: "off" });
    browser.gateway.phase = "parallel";
    expect(await browser.time.until(tab.client.session())).toMatchObject({ status: "token", phase: "parallel" });
  });

  test("heals a token that was refused", async () => {
    const tab = await browser.signedIn();
    browser.gateway.revokeAll();
    expect(await browser.time.until(tab.client.session())).toMatchObject({ status: "token", subject: "ada" });
    expect(tab.told.signedOut).toEqual([]);
  });

  test("is null after everything has ended", async () => {
    const tab = await browser.signedIn();
    browser.gateway.logOutOfTheApplication(browser.jar);
    expect(await browser.time.until(tab.client.session())).toBeNull();
    expect(tab.told.signedOut).toEqual([{ reason: "expired" }]);
  });

  test("finds out that tokens are off, or the gateway gone", async () => {
    const tab = await browser.signedIn();
    browser.gateway.phase = "off";
    expect(await browser.time.until(tab.client.session())).toMatchObject({ status: "cookie", phase: "off" });
    browser.gateway.phase = "parallel";
    const other = await browser.signedIn();
    browser.gateway.isBypassed = true;
    expect(await browser.time.until(other.client.session())).toMatchObject({ status: "cookie", phase: "bypassed" });
  });

  test("is an error when nobody can say", async () => {
    const tab = await browser.signedIn();
    browser.gateway.fault = () => problem(503, "store_unavailable");
    await expect(browser.time.until(tab.client.session())).rejects.toMatchObject({ code: "store_unavailable" });
    expect(tab.client.state.status).toBe("token");
  });
});
