/** Automatic delivery in a real browser: the demo's own pages, which know nothing of tokens, without their session cookie. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { endBrowser, pass, User } from "./chromium.js";
import { Backend, Front } from "./front.js";

const LIFE = 4000;
const OURS = ["__Host-crossfade_access", "__Host-crossfade_refresh"];
const front = new Front();
let backend: Backend;
let ada: User;

beforeAll(async () => {
  await front.listen();
  const extra = "delivery: { automatic: true }\ntokens: { access: 4s, leeway: 0s, grace: 3s, families: 100 }";
  backend = await Backend.behind(front, { extra });
});
afterAll(async () => {
  await endBrowser();
  await backend?.end();
  front.close();
});
beforeEach(async () => {
  ada = await User.of(front);
  await ada.signIn();
});
afterEach(() => ada.close());

async function cookies(): Promise<Record<string, string>> {
  return Object.fromEntries((await ada.context.cookies()).map(({ name, value }) => [name, value]));
}

/** The home page, opened until it has brought the tokens, and then without the session cookie. */
async function home(): Promise<Page> {
  const page = await ada.context.newPage();
  await expect
    .poll(async () => {
      await page.goto(`${front.origin}/`);
      return Object.keys(await cookies());
    })
    .toEqual(expect.arrayContaining(OURS));
  await ada.context.clearCookies({ name: "sessionid" });
  return page;
}

/** Load something as an image, which a script cannot put a header on; returns the status of the answer. */
async function image(page: Page): Promise<number> {
  const address = `${front.origin}/api/me?${Math.random()}`;
  const [answer] = await Promise.all([
    page.waitForResponse(address),
    page.evaluate((src) => void Object.assign(new Image(), { src }), address),
  ]);
  expect(answer.request().resourceType()).toBe("image");
  return answer.status();
}

async function write(page: Page, text: string): Promise<void> {
  await page.fill("#text", text);
  await page.click("#write button");
  await expect.poll(() => page.locator("#notes li").first().textContent()).toBe(text);
}

const greeting = (page: Page) => page.locator("h1").textContent();
const ticks = (page: Page) => expect.poll(() => page.locator("#tick").textContent(), { timeout: 10_000 }).toMatch(/^event \d/);

test("the tokens that a page brings are out of the reach of scripts", async () => {
  const page = await home();
  const given = (await ada.context.cookies()).filter(({ name }) => OURS.includes(name));
  expect(given).toHaveLength(2);
  for (const cookie of given) expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Lax", path: "/" });
  expect(await page.evaluate(() => document.cookie)).not.toContain("crossfade");
});

test("page, image, form, event stream and WebSocket go on without the session cookie", async () => {
  const page = await home();
  await page.reload();
  expect(await greeting(page)).toBe("Hello, ada");
  expect(await image(page)).toBe(200);
  await write(page, "by cookie");
  await ticks(page);
  await page.click("#echo button");
  await expect.poll(() => page.locator("#reply").textContent(), { timeout: 10_000 }).toBe("echo: Hello?");
  expect(await cookies()).not.toHaveProperty("sessionid");
});

test("a token that ended is renewed by whatever comes first: image, form, WebSocket, page", async () => {
  const page = await home();
  const socket = () =>
    page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/ws/echo`);
          socket.onopen = () => (socket.close(), resolve("open"));
          socket.onerror = () => resolve("refused");
        }),
    );
  const kinds: [() => Promise<unknown>, unknown][] = [
    [() => image(page), 200],
    [() => write(page, "late"), undefined],
    [socket, "open"],
    [() => page.reload().then(() => greeting(page)), "Hello, ada"],
  ];
  for (const [come, expected] of kinds) {
    const before = await cookies();
    await pass(LIFE + 500);
    expect(await come()).toBe(expected);
    const after = await cookies();
    for (const name of OURS) expect(after[name]).not.toBe(before[name]);
  }
});

test("a page full of images after expiry: one rotation, no replay, and all of them are shown", async () => {
  const page = await home();
  await pass(LIFE + 500);
  const before = await backend.events();
  expect(await Promise.all(Array.from({ length: 12 }, () => image(page)))).toEqual(Array(12).fill(200));
  const after = await backend.events();
  expect(after["refresh_rotated"]! - before["refresh_rotated"]!).toBe(1);
  expect(after["refresh_replay"]).toBe(before["refresh_replay"]);
});

test("a logout in the application takes the tokens along", async () => {
  const page = await home();
  await page.reload();
  await page.click("header button");
  await expect.poll(() => greeting(page).catch(() => null)).not.toBe("Hello, ada");
  for (const name of OURS) expect(await cookies()).not.toHaveProperty(name);
  expect(await image(page)).toBe(401);
});

test("a logout here ends the application's session too", async () => {
  const page = await home();
  const told = await page.evaluate(async () => {
    const options = { method: "POST", headers: { "X-Crossfade": "1" } };
    return (await (await fetch("/.crossfade/logout", options)).json()) as { session: string };
  });
  expect(told.session).toBe("ended");
  for (const name of OURS) expect(await cookies()).not.toHaveProperty(name);
  expect(await image(page)).toBe(401);
});

test("the browser client and the page go on with the same tokens", async () => {
  await home();
  const tab = await ada.tab();
  expect(await tab.evaluate(() => window.user())).toBe("ada");
  await pass(LIFE + 500);
  const before = await backend.events();
  expect(await Promise.all([tab.evaluate(() => window.user()), image(tab)])).toEqual(["ada", 200]);
  const after = await backend.events();
  expect(after["exchanged"]).toBe(before["exchanged"]);
  expect(after["refresh_replay"]).toBe(before["refresh_replay"]);
});

test("through all phases and back to none, with pages that never change: nobody is signed out", async () => {
  const page = await home();
  const isSignedIn = async () => {
    await page.reload();
    expect([await greeting(page), await image(page)]).toEqual(["Hello, ada", 200]);
  };
  try {
    for (const phase of ["prefer_tokens", "tokens_only"]) {
      await backend.phase(phase);
      await isSignedIn();
      await pass(LIFE + 500);
      await isSignedIn();
    }
    const late = await User.of(front); // who signs in only now gets tokens with the first page, and needs nothing else
    await late.signIn();
    expect((await late.context.cookies()).map(({ name }) => name)).toEqual(expect.arrayContaining(OURS));
    await late.close();

    await pass(LIFE + 500);
    await backend.phase("handback");
    await isSignedIn();
    for (const name of OURS) expect(await cookies()).not.toHaveProperty(name);
    expect(await cookies()).toHaveProperty("sessionid");
    await backend.phase("off");
    await isSignedIn();
  } finally {
    await backend.phase("parallel");
  }
});

test("a session cookie alone carries no image where only tokens count", async () => {
  const page = await ada.context.newPage();
  await page.goto(`${front.origin}/`);
  for (const name of OURS) await ada.context.clearCookies({ name });
  try {
    await backend.phase("tokens_only");
    expect(await image(page)).toBe(401);
    await page.goto(`${front.origin}/`);
    expect([await greeting(page), await image(page)]).toEqual(["Hello, ada", 200]);
  } finally {
    await backend.phase("parallel");
  }
});
