/** What the package promises beside the client's behaviour. */
import { readFileSync } from "node:fs";
import axios from "axios";
import { createElement, useSyncExternalStore } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, expect, expectTypeOf, test, vi } from "vitest";
import { bundle, DEMO } from "../../scripts/bundle.mjs";
import { withCrossfade } from "../../src/axios.js";
import * as everything from "../../src/index.js";
import { CrossfadeError, type ErrorCode, isCrossfadeError, wrapGlobalFetch } from "../../src/index.js";
import { useCrossfade } from "../../src/react.js";
import { FakeBrowser, SITE, Tab } from "./browser.js";
import { problem } from "./gateway.js";

const HERE = new URL(".", import.meta.url).pathname;
const read = (path: string) => readFileSync(HERE + path, "utf8");

vi.mock("react", async (actual) => {
  const react = await actual<typeof import("react")>();
  return { ...react, useSyncExternalStore: vi.fn(react.useSyncExternalStore) };
});

afterEach(() => vi.unstubAllGlobals());

function ownCodes(name: string): string[] {
  const union = new RegExp(`export type ${name} =([^;]+);`).exec(read("../../src/api/errors.ts"))?.[1] ?? "";
  return [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code ?? "").sort();
}

test("the README says of every code of the client what happens", () => {
  const readme = read("../../README.md");
  const table = readme.slice(readme.indexOf("### Codes of the client itself"));
  expect(ownCodes("ClientCode").filter((code) => !table.includes(`\`${code}\``))).toEqual([]);
});

test("a logout that fails is told to the user by the README's first lines, and is no unhandled rejection", async () => {
  const [, lines = ""] = /```ts\n([^]*?)```/.exec(read("../../README.md")) ?? [];
  const page = new Function(`return async (createClient, signOutButton, location, alert) => {${lines.replace(/^import.*/m, "")}}`)();
  const refused = new CrossfadeError("network_error");
  const client = { adoptSession: async () => ({}), fetch: async () => ({}), on() {}, logout: async () => Promise.reject(refused) };
  const [signOutButton, alert] = [{ onclick: async () => {} }, vi.fn()];
  await page(() => client, signOutButton, {}, alert);
  await expect(signOutButton.onclick()).resolves.toBeUndefined();
  expect(alert).toHaveBeenCalledOnce();
});

test("the demo page has this client", async () => {
  const fresh = await bundle(DEMO);
  expect(read("../../demo/crossfade.js") === fresh, "run `npm run build` and commit demo/crossfade.js").toBe(true);
});

test("the exports are these", () => {
  expect(Object.keys(everything).sort()).toEqual(["CrossfadeError", "createClient", "isCrossfadeError", "wrapGlobalFetch"]);
});

test("every public symbol is explained, with an example", () => {
  const files = ["index", "global", "axios", "react", ...["client", "errors", "events", "fetch"].map((name) => `api/${name}`)];
  const sources = files.map((name) => read(`../../src/${name}.ts`)).join("\n");
  const braces = [...read("../../src/index.ts").matchAll(/\{([^}]+)\}/g)].map(([, inside]) => inside ?? "");
  const isType = /^type\s+|^export type\s+/;
  const names = braces.join(",").split(",").map((name) => name.trim().replace(isType, "")).filter(Boolean);
  expect(names).toContain("createClient");
  for (const name of [...names, "withCrossfade", "useCrossfade"]) {
    const [, comment = ""] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\nexport (?:class|function|type|interface) ${name}\\b`).exec(sources) ?? [];
    expect(comment, name).toContain("@example");
  }
});

test("an error narrows to its code", () => {
  const error: unknown = new CrossfadeError("phase_off", { status: 409 });
  expect(isCrossfadeError(error, "phase_off")).toBe(true);
  expect(isCrossfadeError(error, "bypassed")).toBe(false);
  expect(isCrossfadeError(new Error("phase_off"))).toBe(false);
  if (isCrossfadeError(error, "phase_off")) expectTypeOf(error.code).toEqualTypeOf<"phase_off">();
  if (isCrossfadeError(error)) expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
});

test.each([
  ["network_error", 0, true],
  ["timeout", 0, true],
  ["store_unavailable", 503, true],
  ["too_many_requests", 429, true],
  ["too_many_families", 429, false],
  ["invalid_grant", 400, false],
  ["bypassed", 404, false],
] as const)("%s with status %d is temporary: %s", (code, status, isTemporary) => {
  expect(new CrossfadeError(code, { status })).toMatchObject({ name: "CrossfadeError", message: code, isTemporary });
});

test("on a server the client is the built-in fetch and knows nobody", async () => {
  const sent = vi.fn(() => Promise.resolve(Response.json({ user: null })));
  vi.stubGlobal("fetch", sent);
  const client = everything.createClient({ baseUrl: SITE });
  expect(await client.adoptSession()).toMatchObject({ status: "unknown", subject: null });
  expect(sent).not.toHaveBeenCalled();
  await client.fetch("/api/me");
  expect(sent).toHaveBeenCalledWith(new URL(`${SITE}/api/me`), undefined);
  expect(await client.ticketUrl("/events/")).toBe(`${SITE}/events/`);
  client.close();
});

test("on a server a refusal of the gateway is passed on, each time", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(problem(401, "login_required")));
  const client = everything.createClient({ baseUrl: SITE });
  for (let time = 0; time < 2; time++) expect((await client.fetch("/api/me")).status).toBe(401);
});

test("on a server a wrapped fetch goes on with whole addresses, and refuses others as the built-in does", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({})));
  wrapGlobalFetch(everything.createClient({ baseUrl: SITE }));
  expect((await fetch(`${SITE}/api/me`)).status).toBe(200);
  await expect(fetch("/api/me")).rejects.toThrow(TypeError);
});

async function signedIn(): Promise<Tab> {
  const browser = new FakeBrowser();
  browser.gateway.logIn("ada", browser.jar);
  const tab = new Tab(browser);
  await browser.time.until(tab.client.adoptSession());
  return tab;
}

test("axios sends through the client, and a refused token is healed there too", async () => {
  const tab = await signedIn();
  const api = axios.create({ baseURL: SITE, ...withCrossfade(tab.client) });
  expect((await tab.browser.time.until(api.get("/api/me"))).data.user).toBe("ada");
  tab.browser.gateway.revokeAll();
  const { data } = await tab.browser.time.until(api.post("/api/me", { text: "note" }));
  expect(data).toMatchObject({ user: "ada", body: '{"text":"note"}', authorization: expect.stringMatching(/^Bearer/) });
});

test("React renders what the client knows, and what a server knows while it takes over", async () => {
  const tab = await signedIn();
  const Greeting = () => {
    const { status, subject } = useCrossfade(tab.client);
    return createElement("p", null, `${status} ${subject}`);
  };
  expect(renderToString(createElement(Greeting))).toBe("<p>unknown null</p>");
  const [subscribe, read] = vi.mocked(useSyncExternalStore).mock.calls[0]!;
  expect(read()).toBe(tab.client.state);
  const changed = vi.fn();
  const stop = subscribe(changed);
  await tab.browser.time.until(tab.client.logout());
  expect(changed).toHaveBeenCalled();
  expect(read()).toMatchObject({ status: "visitor" });
  stop();
});

test("every fetch of the page can go through the client, and no longer after that", async () => {
  const tab = await signedIn();
  vi.stubGlobal("document", { baseURI: `${SITE}/page` });
  const builtIn = vi.fn();
  vi.stubGlobal("fetch", builtIn);
  const restore = wrapGlobalFetch(tab.client);
  const response = await tab.browser.time.until(fetch("/api/me"));
  expect((await response.json()).authorization).toMatch(/^Bearer/);
  await tab.browser.time.until(fetch(new Request(`${SITE}/api/me`)));
  restore();
  await fetch("/api/me");
  expect(builtIn).toHaveBeenCalledOnce();
});
