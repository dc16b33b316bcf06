/**
 * Tabs that open, close, navigate, sleep and ask, on a network that loses requests and answers, delays them and fails,
 * with clocks that are wrong: a thousand drawn schedules, each repeatable by its number.
 */
import { expect, test } from "vitest";
import { FakeBrowser, Tab } from "../unit/browser.js";
import type { Asked } from "../unit/gateway.js";

const SCHEDULES = 1000;
const STEPS = 30;
const GRACE = 30_000;

interface Outcome {
  /** Sign-outs that the server's rules did not ask for. */
  unwanted: string[];
  /** An answer was lost and nothing got through for the whole grace, so that the server had to take it for a theft. */
  isExcused: boolean;
  /** What the application says at the end, for each open tab. */
  users: string[];
  faults: number;
  rotations: number;
}

/** Mulberry32: small, and the same everywhere. */
function draw(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param hasSession whether the browser keeps its session cookie, so that a lost family can be replaced */
async function run(seed: number, hasSession: boolean): Promise<Outcome> {
  const random = draw(seed);
  const chance = (share: number) => random() < share;
  const between = (least: number, most: number) => least + random() * (most - least);
  const browser = new FakeBrowser({ access: between(20_000, 3600_000), refresh: 30 * 86_400_000, grace: GRACE });
  browser.random = random;
  if (chance(0.2)) browser.locks = null;
  if (chance(0.2)) browser.hasChannels = false;
  browser.gateway.logIn("ada", browser.jar);
  const told: { tab: Tab; at: number }[] = [];
  const attempts: Attempt[] = [];
  const departures: number[] = [];
  let [faults, badness] = [0, 0];

  const open = (tab = new Tab(browser)) => {
    tab.wallSkew = chance(0.3) ? between(-600_000, 600_000) : 0;
    tab.client.on("signedOut", () => told.push({ tab, at: browser.time.now }));
    return tab;
  };
  const leave = (tab: Tab) => {
    departures.push(browser.time.now);
    tab.client.close();
  };
  const tabs = [open()];
  expect(await tabs[0]!.user()).toBe("ada");
  if (!hasSession) browser.jar.delete("sessionid");

  browser.fate = ({ path }: Asked) => {
    const isBad = chance(badness);
    const kind = random();
    const lost = isBad && kind < 0.25 ? ("request" as const) : isBad && kind < 0.7 ? ("response" as const) : undefined;
    const status = isBad && kind >= 0.7 && kind < 0.85 ? 503 : 0;
    const latency = isBad && kind >= 0.85 ? between(1000, 20_000) : between(5, 300);
    if (isBad) faults++;
    if (path.endsWith("/token")) {
      const cameBack = browser.isOnline && !lost && !status && latency < 10_000;
      attempts.push({ at: browser.time.now, cameBack, mayBeDone: lost === "response" || latency >= 10_000 || !browser.isOnline });
    }
    return { latency, status, ...(lost && { lost }) };
  };

  for (let step = 0; step < STEPS; step++) {
    const at = Math.floor(random() * tabs.length);
    const tab = tabs[at]!;
    const action = random();
    if (action < 0.45) {
      const asking = Array.from({ length: 1 + Math.floor(random() * 4) }, () => tab.client.fetch("/api/me").catch(() => null));
      if (chance(0.5)) await browser.time.until(Promise.all(asking));
    } else if (action < 0.55 && tabs.length < 5) tabs.push(open());
    else if (action < 0.6 && tabs.length > 1) leave(tabs.splice(at, 1)[0]!);
    else if (action < 0.68) tabs[at] = open((departures.push(browser.time.now), tab.navigate()));
    else if (action < 0.74) badness = chance(0.5) ? 0 : between(0, 0.9);
    else if (action < 0.78) browser.isOnline = !browser.isOnline;
    else if (action < 0.82) tab.monotonicLag += between(0, 7200_000);
    else if (action < 0.86) tab.wallSkew += between(-600_000, 600_000);
    else if (action < 0.9) browser.gateway.revokeAll(); // all access tokens, no family
    else tab.happens(["online", "visibilitychange", "pageshow"][Math.floor(random() * 3)] ?? "");
    await browser.time.pass(chance(0.7) ? between(0, 30_000) : between(0, 5400_000));
  }

  browser.isOnline = true;
  badness = 0;
  for (const tab of tabs) tab.happens("online");
  await browser.time.pass(120_000);
  const users = [];
  for (const tab of tabs) users.push(await tab.user());

  const isExcused = !hasSession && browser.gateway.counts.replay > 0 && isBlackout(attempts, departures);
  const unwanted = isExcused ? [] : told.map(({ at }) => `signed out at ${at} ms`);
  return { unwanted, isExcused, users, faults, rotations: browser.gateway.counts.rotated };
}

/** One request for tokens. */
interface Attempt {
  at: number;
  cameBack: boolean;
  /** The server may have rotated without the browser hearing of it. */
  mayBeDone: boolean;
}

/**
 * Whether after some lost answer nothing came back for as long as the gateway would have repeated it, although the page
 * tried again, or had been left.
 */
function isBlackout(attempts: readonly Attempt[], departures: readonly number[]): boolean {
  return attempts.some(({ at, cameBack, mayBeDone }) => {
    const isWithin = (moment: number) => moment > at && moment < at + GRACE;
    const retries = attempts.filter((other) => isWithin(other.at));
    const hasTried = retries.length >= 2 || departures.some(isWithin);
    return mayBeDone && !cameBack && hasTried && retries.every((other) => !other.cameBack);
  });
}

for (const hasSession of [true, false]) {
  test(`${SCHEDULES / 2} schedules ${hasSession ? "with" : "without"} the session cookie sign nobody out`, async () => {
    const totals = { faults: 0, rotations: 0, excused: 0, tabs: 0, unwanted: 0 };
    const wrong: string[] = [];
    for (let seed = 0; seed < SCHEDULES / 2; seed++) {
      const outcome = await run(seed * 2 + Number(hasSession), hasSession);
      totals.faults += outcome.faults;
      totals.rotations += outcome.rotations;
      totals.excused += Number(outcome.isExcused);
      totals.tabs += outcome.users.length;
      totals.unwanted += outcome.unwanted.length;
      const isWrong = outcome.unwanted.length > 0 || (!outcome.isExcused && outcome.users.some((user) => user !== "ada"));
      if (isWrong) wrong.push(`seed ${seed * 2 + Number(hasSession)}: ${JSON.stringify(outcome)}`);
    }
    console.log(`${hasSession ? "with" : "without"} the session cookie:`, JSON.stringify(totals));
    expect(wrong).toEqual([]);
    expect(totals.faults).toBeGreaterThan(1000);
    expect(totals.rotations).toBeGreaterThan(1000);
  }, 300_000);
}
