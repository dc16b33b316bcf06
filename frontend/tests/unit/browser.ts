/** A browser of which nothing is real: tabs, cookies, locks, channels, network and clocks. */

import { expect } from "vitest";
import { type Client, type ClientOptions, createClientOn } from "../../src/api/client.js";
import type { ClientEvents } from "../../src/api/events.js";
import type { Platform } from "../../src/api/platform.js";
import { type Asked, type Jar, ModelGateway, type Policy } from "./gateway.js";
import { Time } from "./time.js";

export const SITE = "http://site.test";

/** What the network does to one request. */
export interface Fate {
  /** Milliseconds on the way there and back. */
  latency?: number;
  lost?: "request" | "response";
  status?: number;
}

export class FakeLocks {
  #tails = new Map<string, Promise<unknown>>();
  /** How many requests were granted. */
  granted = 0;

  request = async (name: string, options: { signal?: AbortSignal }, work: () => Promise<unknown>): Promise<unknown> => {
    const before = this.#tails.get(name) ?? Promise.resolve();
    let release = () => {};
    const mine = new Promise<void>((resolve) => (release = resolve));
    this.#tails.set(name, before.then(() => mine));
    try {
      await new Promise<void>((resolve, reject) => {
        options.signal?.addEventListener("abort", () => reject(options.signal?.reason));
        before.then(() => resolve());
      });
      this.granted++;
      return await work();
    } finally {
      release();
    }
  };

  /** A tab that is frozen while it holds the lock. */
  holdForEver(name: string): void {
    this.#tails.set(name, new Promise(() => {}));
  }
}

export class Tab {
  readonly client: Client;
  readonly told: { [Name in keyof ClientEvents]: ClientEvents[Name][] };
  wallSkew = 0;
  monotonicLag = 0;
  isHidden = false;
  readonly #window = new EventTarget();

  constructor(
    readonly browser: FakeBrowser,
    options: ClientOptions = {},
  ) {
    this.client = createClientOn(this.#platform(), { baseUrl: SITE, ...options });
    const told = { signedOut: [], refreshed: [], phase: [], userChanged: [], change: [] };
    this.told = told;
    for (const name of Object.keys(told) as (keyof ClientEvents)[]) {
      this.client.on(name, (event) => (told[name] as unknown[]).push(event));
    }
  }

  happens(type: string, more: object = {}): void {
    this.#window.dispatchEvent(Object.assign(new Event(type), more));
  }

  /** Leave the page for another one of the site, in the same tab. */
  navigate(): Tab {
    this.happens("pagehide");
    this.client.close();
    return new Tab(this.browser);
  }

  get(path: string, init?: RequestInit): Promise<Response> {
    return this.browser.time.until(this.client.fetch(path, init));
  }

  /** The user that the application sees. */
  async user(): Promise<string> {
    const response = await this.get("/api/me");
    return response.ok ? (((await response.json()) as { user: string }).user ?? "?") : `${response.status}`;
  }

  #platform(): Platform {
    const { time, locks } = this.browser;
    return {
      isServer: false,
      fetch: (input, init) => this.browser.send(input, init),
      wall: () => 1_800_000_000_000 + time.now + this.wallSkew,
      monotonic: () => time.now - this.monotonicLag,
      random: () => this.browser.random(),
      timer: time.timer,
      locks: (locks ?? undefined) as LockManager | undefined,
      channel: (name) => this.browser.channel(name),
      deadline: (milliseconds) => {
        const ending = new AbortController();
        time.timer(() => ending.abort(), milliseconds);
        return ending.signal;
      },
      listen: (event, listener, signal) => this.#window.addEventListener(event, listener, { signal }),
      isHidden: () => this.isHidden,
    };
  }
}

export class FakeBrowser {
  readonly time = new Time();
  readonly jar: Jar = new Map();
  readonly gateway: ModelGateway;
  locks: FakeLocks | null = new FakeLocks();
  random: () => number = () => 0.5 + this.drawn++ * 1e-9;
  drawn = 0;
  fate: (asked: Asked) => Fate = () => ({});
  isOnline = true;
  hasChannels = true;
  readonly messages: unknown[] = [];
  readonly sent: Asked[] = [];
  #channels = new Set<FakeChannel>();

  constructor(policy?: Policy) {
    this.gateway = new ModelGateway(() => this.time.now + 1_800_000_000_000, policy);
  }

  /** One in which ada has signed in to the application. */
  static ofAda(policy?: Policy): FakeBrowser {
    const browser = new FakeBrowser(policy);
    browser.gateway.logIn("ada", browser.jar);
    return browser;
  }

  /** A new tab that knows her. */
  async signedIn(): Promise<Tab> {
    const tab = new Tab(this);
    await this.time.until(tab.client.adoptSession());
    expect(tab.client.state).toMatchObject({ status: "token", subject: "ada", phase: "parallel" });
    return tab;
  }

  /** How many requests of this kind the gateway saw. */
  count(line: string): number {
    return this.gateway.log.filter((seen) => seen === line).length;
  }

  get tokenRequests(): number {
    return this.count("POST /.crossfade/token");
  }

  channel(name: string): BroadcastChannel {
    if (!this.hasChannels) throw new ReferenceError("BroadcastChannel");
    const channel = new FakeChannel(name, this.time, this.#channels, this.messages);
    this.#channels.add(channel);
    return channel as unknown as BroadcastChannel;
  }

  async send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, { ...init, signal: null });
    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    const url = new URL(request.url);
    const body = request.body ? await request.text() : "";
    const asked: Asked = {
      method: request.method,
      path: url.pathname,
      headers: request.headers,
      form: new URLSearchParams(body),
      body,
    };
    this.sent.push(asked);
    if (url.origin !== SITE) return Response.json({ elsewhere: true });
    const { latency = 20, lost, status } = this.fate(asked);
    await this.#travel(latency / 2, signal);
    if (!this.isOnline || lost === "request") throw new TypeError("Failed to fetch");
    if (status) return new Response("no", { status });
    const cookies = new Map(init?.credentials === "include" ? this.jar : []);
    const set: Jar = new Map();
    const response = this.gateway.answer(asked, cookies, set);
    await this.#travel(latency / 2, signal);
    if (lost === "response" || !this.isOnline) throw new TypeError("Failed to fetch");
    for (const [name, value] of set) value ? this.jar.set(name, value) : this.jar.delete(name);
    return response;
  }

  #travel(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      this.time.timer(resolve, milliseconds);
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }
}

class FakeChannel {
  onmessage: ((event: MessageEvent) => void) | null = null;

  constructor(
    readonly name: string,
    readonly time: Time,
    readonly all: Set<FakeChannel>,
    readonly messages: unknown[],
  ) {}

  postMessage(data: unknown): void {
    this.messages.push(data);
    for (const other of this.all) {
      if (other === this || other.name !== this.name) continue;
      this.time.timer(() => this.all.has(other) && other.onmessage?.({ data } as MessageEvent), 1);
    }
  }

  close(): void {
    this.all.delete(this);
  }
}
