import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser } from "./browser.js";

const HOUR = 3600_000;
let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

describe("another user", () => {
  function signInAs(subject: string): void {
    browser.gateway.logOutOfTheApplication(browser.jar);
    browser.gateway.logIn(subject, browser.jar);
  }

  test("is told, and no request of the former one is sent as the new one", async () => {
    const tab = await browser.signedIn();
    signInAs("grace");
    await browser.time.pass(2 * HOUR);
    await expect(tab.get("/api/me", { method: "POST", body: "ada's" })).rejects.toMatchObject({ code: "user_changed" });
    expect(tab.told.userChanged).toEqual([{ from: "ada", to: "grace" }]);
    expect(browser.count("POST /api/me")).toBe(0);
    expect(await tab.user()).toBe("grace");
  });

  test("is noticed after a refusal too, by all requests on the way", async () => {
    const tab = await browser.signedIn();
    signInAs("grace");
    const requests = [1, 2, 3].map(() => tab.client.fetch("/api/me").then(() => "sent", (error) => error.code));
    expect(await browser.time.until(Promise.all(requests))).toEqual(Array(3).fill("user_changed"));
  });

  test("who signed in while tokens were off is not overlooked by the next page", async () => {
    const tab = await browser.signedIn();
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
    const tab = await browser.signedIn();
    signInAs("grace");
    expect(await browser.time.until(tab.client.adoptSession())).toMatchObject({ subject: "grace" });
    expect(tab.told.userChanged).toEqual([{ from: "ada", to: "grace" }]);
  });
});
