import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeBrowser, SITE, Tab } from "./browser.js";
import { problem } from "./gateway.js";

let browser: FakeBrowser;

beforeEach(() => {
  browser = FakeBrowser.ofAda();
});

afterEach(() => vi.unstubAllGlobals());

describe("where tokens go", () => {
  test.each([
    ["another origin", "http://elsewhere.test/api", {}],
    ["another port", "http://site.test:8080/api", {}],
    ["an excluded path", "/static/app.js", {}],
    ["an excluded pattern", "/x/public/y", {}],
    ["an excluded test", "/api/open?free=1", {}],
    ["what the page itself holds", `blob:${SITE}/1-2`, {}],
    ["the gateway's own addresses", "/.crossfade/session", {}],
    ["a request with an Authorization of its own", "/api/me", { headers: { authorization: "Basic eA==" } }],
  ])("not to %s", async (_what, url, init) => {
    const exclude = ["/static/*", "/robots.txt", /\/public\//, (found: URL) => found.searchParams.has("free")];
    const tab = new Tab(browser, { exclude });
    await browser.time.until(tab.client.adoptSession());
    await tab.get(url, init);
    expect(browser.sent.at(-1)?.headers.get("authorization") ?? "").not.toContain("at-");
  });

  test("to the gateway's origin, by any spelling of it", async () => {
    const tab = await browser.signedIn();
    for (const url of ["/api/me", "api/me", `${SITE}/api/me`, `${SITE.toUpperCase()}:80/api/me`, new URL(`${SITE}/api/me`)]) {
      await browser.time.until(tab.client.fetch(url));
      expect(browser.sent.at(-1)?.headers.get("authorization")).toMatch(/^Bearer at-/);
    }
  });

  test("with the cookies, unless the caller wants none", async () => {
    const tab = await browser.signedIn();
    const send = vi.spyOn(browser, "send");
    await tab.get("/api/me");
    await tab.get("/api/me", { credentials: "same-origin" });
    await tab.get("/api/me", { credentials: "omit" });
    expect(send.mock.calls.map(([, init]) => init?.credentials)).toEqual(["include", "include", "omit"]);
  });

  test("not to what a pattern with a flag excludes, however often it is asked", async () => {
    const tab = new Tab(browser, { exclude: [/\/public\//g] });
    await browser.time.until(tab.client.adoptSession());
    for (let time = 0; time < 3; time++) {
      await tab.get("/public/x");
      expect(browser.sent.at(-1)?.headers.has("authorization")).toBe(false);
    }
  });

  test.each([".crossfade", "/.crossfade"])("a prefix %s is a path of the gateway's origin", async (prefix) => {
    const tab = new Tab(browser, { prefix });
    await browser.time.until(tab.client.adoptSession());
    expect(tab.client.state.status).toBe("token");
  });

  test.each(["localhost:8080", "about:blank"])("a baseUrl %s is refused at once", (baseUrl) => {
    expect(() => new Tab(browser, { baseUrl })).toThrow(TypeError);
  });

  test("in a page of the same origin as the built-in fetch would send cookies, so that redirects to files work", async () => {
    vi.stubGlobal("location", new URL(`${SITE}/page`));
    const tab = await browser.signedIn();
    const send = vi.spyOn(browser, "send");
    await tab.get("/api/me");
    expect(send.mock.calls[0]?.[1]?.credentials).toBeUndefined();
    expect(browser.sent.at(-1)?.headers.get("authorization")).toMatch(/^Bearer at-/);
  });

  test("with no cookies for a request that wants none", async () => {
    const tab = await browser.signedIn();
    const send = vi.spyOn(browser, "send");
    await browser.time.until(tab.client.fetch(new Request(`${SITE}/api/me`, { credentials: "omit" })));
    await browser.time.until(tab.client.fetch(new Request(`${SITE}/api/me`)));
    expect(send.mock.calls.map(([, init]) => init?.credentials)).toEqual([undefined, "include"]);
  });

  test("a ticket address comes from the gateway, and its absence is a clear error", async () => {
    const tab = await browser.signedIn();
    browser.gateway.fault = ({ path }) => (path.endsWith("/ticket") ? new Response("no such page", { status: 404 }) : null);
    await expect(browser.time.until(tab.client.ticketUrl("/events/"))).rejects.toMatchObject({ code: "not_found", status: 404 });
    expect(tab.client.state.status).toBe("token");
    browser.gateway.fault = ({ path, form }) =>
      path.endsWith("/ticket")
        ? Response.json({ url: `${form.get("path")}?ticket=x` }, { headers: { "x-crossfade": "1" } })
        : null;
    expect(await browser.time.until(tab.client.ticketUrl("/events/"))).toBe(`${SITE}/events/?ticket=x`);
    browser.gateway.fault = ({ path }) => (path.endsWith("/ticket") ? problem(404, "not_found") : null);
    await expect(browser.time.until(tab.client.ticketUrl("/events/"))).rejects.toMatchObject({ code: "not_found" });
  });
});
