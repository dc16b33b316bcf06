/** The demo page under a strict content security policy, with tokens of an hour. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { endBrowser, pass, User } from "./chromium.js";
import { Backend, Front } from "./front.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = new URL("../../demo/pictures/", import.meta.url).pathname;
const DESKTOP = { viewport: { width: 1120, height: 860 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const front = new Front();
let backend: Backend;
let ada: User;

beforeAll(async () => {
  await front.listen();
  backend = await Backend.behind(front, { extra: "tokens: { grace: 1s }" });
});
afterAll(async () => {
  await endBrowser();
  await backend?.end();
  front.close();
});
afterEach(async () => {
  await ada.close();
  await backend.phase("parallel");
});

async function open(options: object = DESKTOP, isSignedIn = true): Promise<{ page: Page; errors: string[] }> {
  ada = await User.of(front, options);
  if (isSignedIn) await ada.signIn();
  const page = await ada.context.newPage();
  const errors: string[] = [];
  // A browser reports the first refresh of a user who has no refresh cookie yet (400); nothing else may be reported.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("status of 400")) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  await ready(page);
  return { page, errors };
}

async function ready(page: Page): Promise<void> {
  await page.goto(`${front.origin}/client/`);
  await page.waitForSelector("body[data-ready]");
}

/** Take a picture for the README; only when asked, since every run would change it. */
async function picture(page: Page, name: string): Promise<void> {
  if (name && process.env["PICTURES"]) await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
  });
}

for (const [name, options] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${name}, ${colorScheme}: shows who carries what, and axe finds nothing`, async () => {
      const { page, errors } = await open({ ...options, colorScheme, reducedMotion: "reduce" });
      expect(await page.textContent("#badge")).toBe("access token");
      expect(await page.textContent("#carrier")).toBe("an access token");
      expect(await page.textContent("#answer")).toBe("200 ada");
      expect(await page.textContent("#clock")).toMatch(/^(59:\d\d|1:00:00)$/);
      expect(await page.textContent("[aria-current]")).toBe("parallel");
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      expect(await violations(page)).toEqual([]);
      expect(errors).toEqual([]);
      const shown = { desktop: { light: "desktop", dark: "" }, phone: { light: "phone", dark: "phone-dark" } };
      await picture(page, shown[name as keyof typeof shown][colorScheme]);
    });
  }
}

test("renews, opens a second tab and signs out in both", async () => {
  const { page } = await open();
  const before = await page.locator("#log li").count();
  await page.click("#renew");
  await expect.poll(() => page.locator("#log li").count()).toBeGreaterThan(before);
  const [second] = await Promise.all([ada.context.waitForEvent("page"), page.click("#tab")]);
  await second.waitForSelector("body[data-ready]");
  expect(await second.textContent("#badge")).toBe("access token");
  await page.click("#logout");
  await page.waitForSelector("body[data-status=visitor]");
  await second.waitForSelector("body[data-status=visitor]");
  expect(await second.textContent("#log li:first-child")).toContain("another tab");
  expect(await violations(second)).toEqual([]);
  await second.click("#login");
  await second.fill("#id_username", "ada");
  await second.fill("#id_password", "lovelace-1843");
  await second.click("main button");
  await second.waitForSelector("body[data-status=token]");
});

test("a visitor is asked to sign in", async () => {
  const { page } = await open(DESKTOP, false);
  expect(await page.textContent("#name")).toBe("a visitor");
  expect(await page.isVisible("#login")).toBe(true);
  expect(await page.isVisible("#logout")).toBe(false);
  expect(await page.textContent("[aria-current]")).toBe("parallel");
  expect(await violations(page)).toEqual([]);
});

test("the phase is shown when it changes, and the cookie takes over", async () => {
  const { page } = await open();
  await backend.phase("off");
  await page.click("#send");
  await page.waitForSelector("body[data-status=cookie]");
  expect(await page.textContent("[aria-current]")).toBe("off");
  await expect.poll(() => page.textContent("#carrier")).toBe("the session cookie");
  expect(await page.textContent("#answer")).toBe("200 ada");
  expect(await violations(page)).toEqual([]);
  await picture(page, "off");
});

test("ten page loads, the gateway's grace long over, ask once each and rotate nothing", async () => {
  const { page } = await open();
  await pass(1000);
  const [asked, before] = [front.count("POST /.crossfade/token"), await backend.events()];
  for (let load = 0; load < 10; load++) await ready(page);
  expect(await page.textContent("#badge")).toBe("access token");
  expect(front.count("POST /.crossfade/token") - asked).toBe(10);
  const after = await backend.events();
  expect(after["refresh_too_young"]! - before["refresh_too_young"]!).toBe(10);
  for (const name of ["refresh_rotated", "refresh_grace", "refresh_replay", "exchanged"]) expect(after[name]).toBe(before[name]);
});
