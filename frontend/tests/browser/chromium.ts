/** A real browser, and what a user and the tests do in it. */
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Client } from "../../src/index.js";
import type { Front } from "./front.js";

/** What the test page and the demo page put into their window. */
declare global {
  interface Window {
    client: Client;
    told: [string, Record<string, unknown>][];
    violations: string[];
    ticks?: number;
    user(): Promise<string | number>;
  }
}

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser: Promise<Browser> | undefined;

/** The browser of a test file; end it with `endBrowser`. */
function theBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return (browser ??= chromium.launch({ executablePath, args: FLAGS }));
}

export async function endBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

/** One user, with cookies, locks and channels of their own. */
export class User {
  private constructor(
    readonly context: BrowserContext,
    readonly front: Front,
  ) {}

  static async of(front: Front, options: BrowserContextOptions = {}): Promise<User> {
    return new User(await (await theBrowser()).newContext(options), front);
  }

  close(): Promise<void> {
    return this.context.close();
  }

  /** Sign in by the application's own form. */
  async signIn(at = this.front.origin): Promise<void> {
    const page = await this.context.newPage();
    await page.goto(`${at}/login/`);
    await page.fill("#id_username", "ada");
    await page.fill("#id_password", "lovelace-1843");
    await Promise.all([page.waitForURL(`${at}/`), page.click("main button")]);
    await page.close();
  }

  /** Open the test page and let it adopt the session. */
  async tab(path = "/test/page.html"): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(this.front.origin + path);
    await page.waitForFunction(() => window.client !== undefined);
    await page.evaluate(() => window.client.adoptSession().catch(() => null));
    return page;
  }
}

/**
 * Let nothing run in a page: no timer, no message, no answer. Chromium freezes hidden pages only and hides none when it
 * is headless, so that its debugger has to hold the page.
 *
 * @returns how to let it go on
 */
export async function freeze(page: Page): Promise<() => Promise<unknown>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Debugger.enable");
  const frozen = new Promise((resolve) => session.once("Debugger.paused", resolve));
  await session.send("Debugger.pause");
  void page.evaluate(() => 0).catch(() => {}); // something to stop at
  await frozen;
  return () => session.send("Debugger.disable");
}

/** How often the page was told to sign in again, for whatever reason. */
export function signOuts(page: Page): Promise<number> {
  return page.evaluate(() => window.told.filter(([name]) => name === "signedOut").length);
}

export const user = (page: Page) => page.evaluate(() => window.user());
export const status = (page: Page) => page.evaluate(() => window.client.state.status);
export const pass = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
