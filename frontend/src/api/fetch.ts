import { isOwn } from "./endpoints.js";
import type { Credential } from "./holder.js";
import type { Tokens } from "./tokens.js";

/**
 * What a request is left alone by: an exact path, a path that ends with `*`, a pattern for the path, or a test.
 *
 * @example
 * const exclude: Exclusion[] = ["/robots.txt", "/static/*", /\.png$/, (url) => url.searchParams.has("free")];
 */
export type Exclusion = string | RegExp | ((url: URL) => boolean);

/** Make a `fetch` that carries the user's token to the gateway's own origin, and nowhere else. */
export function createFetch(
  tokens: Tokens,
  fetch: typeof globalThis.fetch,
  base: URL,
  exclude: readonly Exclusion[],
): typeof globalThis.fetch {
  return async (input, init) => {
    const isRequest = input instanceof Request;
    const url = new URL(isRequest ? input.url : input, base);
    const target = isRequest ? input : url;
    const given: RequestInit = isRequest ? input : {};
    const headers = new Headers(init?.headers ?? given.headers);
    // The origin of a `blob:` address is that of its page, so that the address itself is compared.
    const isElsewhere = !url.href.startsWith(`${base.origin}/`);
    // An `Authorization` of the application's own is its own business.
    if (isElsewhere || headers.has("authorization") || exclude.some((rule) => isMatch(rule, url))) {
      return fetch(target, init);
    }
    const signal = init?.signal ?? given.signal;
    // The session cookie goes along while both worlds live, which keeps it warm. In a page of the same origin it does
    // so anyway, and `include` would fail where a redirect leads to another origin that answers `*` to everybody.
    const showsCookie = (init?.credentials ?? given.credentials) !== "omit";
    const isFromElsewhere = base.origin !== globalThis.location?.origin;
    const cookies = isFromElsewhere && showsCookie && ({ credentials: "include" } as const);

    const send = (credential: Credential | null, isLast: boolean) => {
      const sent = new Headers(headers);
      if (credential) sent.set("authorization", `Bearer ${credential.token}`);
      // A request's body can be read once; the copy leaves it for a second time.
      const copy = isRequest && !isLast ? input.clone() : target;
      return fetch(copy, { ...init, ...cookies, headers: sent });
    };

    const used = await tokens.forRequest(signal);
    const isRepeatable = !(init?.body instanceof ReadableStream);
    const response = await send(used, !isRepeatable);
    // A token that the gateway calls invalid (RFC 6750 section 3.1), or a 401 that may mean that the way has changed;
    // one to a request that showed nothing says nothing.
    const isOurs = isOwn(response);
    const isInvalid = response.headers.get("www-authenticate")?.includes('"invalid_token"');
    if (response.status !== 401 || (used ? isOurs && !isInvalid : !showsCookie)) return response;
    const next = tokens.after401(used, isOurs, signal);
    const better = isRepeatable ? await next : used;
    next.catch(() => {}); // a stream is not repeated, but the next request will have a good token
    if (better === used) return response;
    response.body?.cancel().catch(() => {});
    return send(better, true);
  };
}

function isMatch(rule: Exclusion, url: URL): boolean {
  const { pathname } = url;
  if (typeof rule === "function") return rule(url);
  if (typeof rule !== "string") return pathname.search(rule) >= 0; // unlike `test`, not misled by a flag `g`
  return rule.endsWith("*") ? pathname.startsWith(rule.slice(0, -1)) : pathname === rule;
}
