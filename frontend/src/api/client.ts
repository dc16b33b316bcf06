import { createClock } from "./clock.js";
import { createAsk } from "./endpoints.js";
import { CrossfadeError, isRefusal } from "./errors.js";
import { type ClientState, createListeners, createTabs, type On } from "./events.js";
import { createFetch, type Exclusion } from "./fetch.js";
import { createGrants, type TokenAnswer } from "./grants.js";
import { createHolder } from "./holder.js";
import { withLock } from "./lock.js";
import { type Platform, thisPlatform } from "./platform.js";
import { createRefresh } from "./refresh.js";
import { createTokens } from "./tokens.js";

/**
 * How a client is made; nothing is required in a page that the gateway itself serves.
 *
 * @example
 * const options: ClientOptions = { baseUrl: "https://api.example.com", exclude: ["/static/*"] };
 */
export interface ClientOptions {
  /** Where the gateway is; this page's origin by default. Tokens go to this origin and nowhere else. */
  baseUrl?: string;
  /** The client's id in the gateway's configuration; `web` by default. */
  clientId?: string;
  /** The path under which the gateway's own endpoints are, without a slash at its end; `/.crossfade` by default. */
  prefix?: string;
  /** Paths that are left alone: sent as the built-in `fetch` would, without a token. */
  exclude?: readonly Exclusion[];
}

/**
 * What a logout ended.
 *
 * @example
 * const { session }: LogoutResult = await client.logout();
 * if (session === "unknown") location.assign("/logout/");
 */
export interface LogoutResult {
  /** Sets of tokens. */
  families: number;
  /** What became of the application's own session; `unknown` where it was asked to end it and nobody can say. */
  session: "ended" | "unknown" | "none";
}

/**
 * A user's tokens in this page.
 *
 * @example
 * export const client: Client = createClient();
 */
export interface Client {
  /**
   * What the built-in `fetch` does, with the user's token and cookies where the request goes to the gateway. Relative
   * addresses start at `baseUrl`. A refusal that a new token can heal is healed and never seen.
   *
   * @example
   * const response = await client.fetch("/api/notes", { method: "POST", body: JSON.stringify(note) });
   */
  readonly fetch: typeof fetch;
  /**
   * Find out who is signed in, and exchange the application's session cookie for tokens where that is needed. Null
   * means that nobody is signed in; it is not an error. Call it when the page starts and after the application's own
   * login; `fetch` does it by itself when you do not.
   *
   * @example
   * const session = await client.adoptSession();
   * if (session === null) location.assign("/login/");
   *
   * @throws CrossfadeError the client is not configured in the gateway, or may not do this
   */
  adoptSession(): Promise<ClientState | null>;
  /**
   * Sign in with a name and a password, where the gateway is configured to replay the application's login.
   *
   * @example
   * await client.login({ username: "ada", password });
   *
   * @throws CrossfadeError `unsupported_grant_type` where it is not configured, `invalid_grant` for a wrong password
   */
  login(credentials: { username: string; password: string }): Promise<ClientState>;
  /**
   * Sign out: tokens, the application's own session, and every tab; with `everywhere` all other devices too.
   *
   * @example
   * await client.logout({ everywhere: true });
   *
   * @throws CrossfadeError the gateway was not reached and the user is still signed in; or `phase_off` or `bypassed`,
   *   where only the application's own logout can do it
   */
  logout(options?: { everywhere?: boolean }): Promise<LogoutResult>;
  /**
   * Return who is signed in, after asking the gateway; null for a visitor. Nothing is renewed that is still good.
   *
   * @example
   * const session = await client.session();
   * greeting.textContent = session?.subject ?? "Nobody is signed in";
   *
   * @throws CrossfadeError the gateway was not reached, and nobody knows
   */
  session(): Promise<ClientState | null>;
  /**
   * What is known now, without asking.
   *
   * @example
   * const left = (client.state.expiresAt ?? 0) - Date.now();
   */
  readonly state: ClientState;
  /**
   * Listen to what happens; returns how to stop that.
   *
   * @example
   * const stop = client.on("signedOut", ({ reason }) => router.push("/login", { reason }));
   */
  readonly on: On;
  /**
   * Return an address for what cannot send a header, an event stream of another origin say. It is good once and for
   * half a minute. Where the cookie carries requests it is the plain address.
   *
   * @example
   * const events = new EventSource(await client.ticketUrl("/events/"), { withCredentials: true });
   *
   * @throws CrossfadeError `not_found` where the gateway gives out no tickets
   */
  ticketUrl(path: string): Promise<string>;
  /**
   * Renew the token now, trying for five seconds. Never needed for requests; a button may want it. Null means that nobody is signed in.
   *
   * @example
   * await client.refresh();
   *
   * @throws CrossfadeError no new token could be had; the one before goes on as long as it is good
   */
  refresh(): Promise<ClientState | null>;
  /**
   * Stop listening to the page and to other tabs.
   *
   * @example
   * import.meta.hot?.dispose(() => client.close());
   */
  close(): void;
}

/**
 * Make the client of a page. One per page is enough; tabs find each other.
 *
 * On a server, which has many users, the client asks for no tokens: `fetch` is the built-in one, and the state stays
 * `unknown`. Relative addresses need `baseUrl` there.
 *
 * @example
 * const client = createClient();
 * const session = await client.adoptSession();
 * const response = await client.fetch("/api/me");
 *
 * @throws TypeError `baseUrl` is no address of a server; `localhost:8080` lacks its `http://`
 */
export function createClient(options: ClientOptions = {}): Client {
  return createClientOn(thisPlatform(), options);
}

/** Make a client whose surroundings are given; tests do. */
export function createClientOn(platform: Platform, options: ClientOptions): Client {
  const { clientId = "web", exclude = [] } = options;
  const here = globalThis.location?.href ?? "http://localhost";
  const base = new URL(options.baseUrl ?? here, here);
  // As a path: put behind the origin as it is, one without a slash would become a part of the host's name.
  const prefix = new URL(options.prefix ?? "/.crossfade", base.origin).pathname;
  const own = base.origin + prefix;
  const name = `crossfade ${own} ${clientId}`;

  const clock = createClock(platform.wall, platform.monotonic);
  const ask = createAsk(platform, clock, `${own}/`);
  const grants = createGrants(platform, ask, clientId, name);
  const { on, emit } = createListeners();
  const tabs = createTabs(platform, name, (expiresAt) => refresh.hear(expiresAt));
  const holder = createHolder(clock, platform.wall, emit, tabs);
  const refresh = createRefresh(platform, grants, holder);
  const tokens = createTokens(platform.monotonic, ask, holder, refresh);
  const send = createFetch(tokens, platform.fetch, base, [() => platform.isServer, `${prefix}/*`, ...exclude]);

  const closing = new AbortController();
  const listen = (event: string, listener: (event: Event) => void) =>
    platform.listen(event, listener, closing.signal);
  listen("visibilitychange", () => platform.isHidden() || refresh.wake());
  listen("online", refresh.wake);
  listen("pageshow", (event) => {
    // A page that comes back from the cache heard nothing meanwhile.
    if ((event as PageTransitionEvent).persisted) tokens.renew(false).catch(() => {});
    refresh.wake();
  });

  return {
    fetch: send,
    get state() {
      return holder.state;
    },
    on,
    adoptSession: () => tokens.renew(false),
    session: tokens.look,
    refresh: () => tokens.renew(true),
    async login({ username, password }) {
      const form = { grant_type: "password", client_id: clientId, username, password };
      holder.take(await withLock(platform, name, () => ask<TokenAnswer>("token", { form })));
      return holder.state;
    },
    async logout({ everywhere = false } = {}) {
      const credential = await tokens.forRequest().catch(() => null);
      const question = { form: { everywhere: `${everywhere}` }, token: credential?.token };
      const result = await withLock(platform, name, () => ask<LogoutResult>("logout", question)).catch((error) => {
        // Another tab, or a second click, came later than the first: there is nothing left to end.
        if (everywhere || !isRefusal(error)) throw error;
        return { families: 0, session: "none" } as const;
      });
      refresh.signOut("logout");
      return result;
    },
    async ticketUrl(path) {
      const credential = await tokens.forRequest();
      const plain = { url: path };
      const question = { form: { path }, token: credential?.token };
      const { url } = !credential ? plain : await ask<typeof plain>("ticket", question).catch((error) => {
        if (error.code === "phase_off") return plain;
        // An address that the gateway does not have goes on to the application, which answers in its own way.
        throw error.code === "bypassed" ? new CrossfadeError("not_found", { status: error.status }) : error;
      });
      return new URL(url, base).href;
    },
    close() {
      closing.abort();
      tabs.close();
      refresh.close();
    },
  };
}
