/** A page on another origin of the same site: `www` and `api`, told apart by their ports here. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { endBrowser, pass, signOuts, status, User, user } from "./chromium.js";
import { Backend, Front } from "./front.js";

const LIFE = 4000;
const www = new Front();
const partner = new Front();
const api = new Front();
let backend: Backend;
let ada: User;
let tab: Page;

beforeAll(async () => {
  for (const front of [www, partner, api]) await front.listen();
  partner.connects = api.origin;
  www.connects = `${api.origin} ${partner.origin}`; // so that only the browser's rule for redirects is left
  backend = await Backend.behind(api, {
    issuer: www.origin,
    extra: `tokens: { access: 4s, leeway: 0s, grace: 3s, families: 100 }\ncors: { origins: ["${www.origin}", "${partner.origin}"] }`,
  });
});
afterAll(async () => {
  await endBrowser();
  await backend?.end();
  for (const front of [www, partner, api]) front.close();
});
beforeEach(async () => {
  api.fate = () => null;
  ada = await User.of(www);
  await ada.signIn(api.origin);
  tab = await ada.tab(`/test/page.html?base=${api.origin}`);
  expect(await tab.evaluate(() => window.client.state)).toMatchObject({ status: "token", subject: expect.any(String) });
});
afterEach(() => ada.close());

test("through expiry", async () => {
  expect(await user(tab)).toBe("ada");
  await pass(LIFE + 500);
  expect(await user(tab)).toBe("ada");
  expect(await status(tab)).toBe("token");
});

test("through a 401 of the gateway, whose headers the page can read", async () => {
  expect(await user(tab)).toBe("ada");
  const form = new URLSearchParams({ token: api.lastAuthorization.replace("Bearer ", ""), client_id: "web" });
  expect((await fetch(`${api.origin}/.crossfade/revoke`, { method: "POST", body: form })).status).toBe(200);
  expect(await user(tab)).toBe("ada");
  expect(await signOuts(tab)).toBe(0);
});

test("through a 503 of the gateway and one of the balancer", async () => {
  await pass(LIFE + 500);
  const headers = {
    "access-control-allow-origin": www.origin,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "retry-after, x-crossfade",
    "x-crossfade": "1",
    "retry-after": "1",
  };
  const body = '{"code":"store_unavailable","title":"The service is not available for a moment."}';
  api.fate = ({ url, method }) => (url === "/.crossfade/token" && method === "POST" ? { status: 503, headers, body } : null);
  expect(await user(tab)).toBe("ada"); // by the cookie
  expect(await tab.evaluate(() => window.client.refresh().catch(({ code }) => code))).toBe("store_unavailable");
  api.fate = ({ url }) => (url === "/.crossfade/token" ? { status: 503 } : null);
  expect(await user(tab)).toBe("ada");
  api.fate = () => null;
  await expect.poll(() => tab.evaluate(() => window.client.state.expiresAt! > Date.now()), { timeout: 10_000 }).toBe(true);
  expect(await signOuts(tab)).toBe(0);
});

test("a redirect to another origin takes no token along", async () => {
  const any = { "access-control-allow-credentials": "true", "access-control-allow-headers": "authorization" };
  partner.lastAuthorization = "";
  partner.fate = () => ({ status: 200, headers: { ...any, "access-control-allow-origin": "null" }, body: "{}" });
  api.fate = ({ url, method }) => {
    if (url !== "/api/away" || method !== "GET") return null;
    const headers = { ...any, "access-control-allow-origin": www.origin, location: `${partner.origin}/stolen` };
    return { status: 302, headers };
  };
  expect(await tab.evaluate((away) => window.client.fetch(away).then(({ status }) => status), "/api/away")).toBe(200);
  expect(api.lastAuthorization).toMatch(/^Bearer /);
  expect(partner.count("GET /stolen")).toBe(1);
  expect(partner.lastAuthorization).toBe("");
});

test("a listed origin that is not the site's own goes on with the cookie", async () => {
  const page = await ada.context.newPage();
  await page.goto(`${partner.origin}/test/page.html?base=${api.origin}`);
  await page.waitForFunction(() => window.client !== undefined);
  expect(await page.evaluate(() => window.client.adoptSession().catch(({ code }) => code))).toBe("origin_refused");
  expect(await user(page)).toBe("ada");
});

test("through off and back", async () => {
  await backend.phase("off");
  try {
    expect(await user(tab)).toBe("ada");
    await pass(LIFE + 500);
    expect(await user(tab)).toBe("ada");
    expect(await status(tab)).toBe("cookie");
  } finally {
    await backend.phase("parallel");
  }
  await tab.reload();
  await tab.waitForFunction(() => window.client !== undefined);
  expect(await user(tab)).toBe("ada");
  expect(await status(tab)).toBe("token");
});
