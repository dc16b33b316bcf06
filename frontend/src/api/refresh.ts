import type { Clock } from "./clock.js";
import type { Credential, Held } from "./credential.js";
import type { Ask } from "./endpoints.js";
import { CrossfadeError, type ErrorCode } from "./errors.js";
import type { ClientState, Emit, Phase, Tabs } from "./events.js";
import type { Grants, TokenAnswer } from "./grants.js";
import type { Platform } from "./platform.js";

/** Milliseconds that a request waits for a token before it is answered otherwise. */
const PATIENCE = 5000;
/** Half of the milliseconds before the second try; the pause doubles with each further one, up to the longest. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 60_000;
/** Milliseconds of life below which a token may be over before it arrives. */
const LAST_MOMENT = 2000;
/** Milliseconds between two looks whether the gateway is still on the way. */
const LOOK_PAUSE = 30_000;

/** Answers that say: use the session cookie, and the phase that they speak of. Nobody did anything wrong. */
const COOKIE_INSTEAD: { readonly [Code in ErrorCode]?: Phase | null } = {
  phase_off: "off",
  issuing_suspended: "handback",
  bypassed: "bypassed",
  too_many_families: null,
};
/** Answers that say of a token of ours that it is worth nothing any more. */
const SPENT: readonly ErrorCode[] = ["invalid_token", "session_ended"];

/** The answer of `session`. */
interface SessionAnswer {
  subject: string | null;
  phase: Phase;
}

/** Keeps the access token of this page, renews it in time, and knows what to do while there is none. */
export type Tokens = ReturnType<typeof createTokens>;

export function createTokens(
  { isServer, wall, monotonic, random, timer, deadline }: Platform,
  clock: Clock,
  ask: Ask,
  grants: Grants,
  emit: Emit,
  tabs: Tabs,
) {
  let state: ClientState = { status: "unknown", subject: null, phase: null, expiresAt: null };
  /** The token that requests carry. */
  let held: Held | null = null;
  /** One that was just given out; it counts once it is known whose it is. */
  let fresh: Held | null = null;
  /**
   * The renewal under way; never rejected. Where the cookie can stand in, those who wait are let go after the first try,
   * else when the gateway has answered.
   */
  let flight: Promise<void> | null = null;
  let failures = 0;
  /** Why there is no token; null where all is well. */
  let failure: CrossfadeError | null = null;
  let endPause = () => {};
  let isSuspended = false;
  let isClosed = false;
  let lookedAt = -Infinity;

  // --- what requests ask for ---

  /**
   * Return what a request carries, or null where it goes with the cookie alone.
   *
   * @param subject whose request it is, where that is known
   * @throws CrossfadeError there is no token for the moment and the cookie does not count in this phase, or
   *   `user_changed`
   */
  async function forRequest(signal?: AbortSignal | null, subject = state.subject): Promise<Credential | null> {
    let usable = findUsable();
    if (usable) {
      if (isAgeing(usable)) renew();
    } else {
      if (is("visitor") || is("cookie")) return null;
      await renewed(signal);
      usable = findUsable();
    }
    if (usable && subject !== null && subject !== usable.subject) throw new CrossfadeError("user_changed");
    if (!usable && !is("visitor") && !mayUseCookie()) throw failure ?? new CrossfadeError("timeout");
    return usable;
  }

  /**
   * Return what a request that was answered 401 is repeated with; `used` itself where that would change nothing.
   *
   * @param isOwn the gateway refused it; else the application did, maybe because there is no gateway on the way
   */
  async function after401(
    used: Credential | null,
    isOwn: boolean,
    signal?: AbortSignal | null,
  ): Promise<Credential | null> {
    if (used && !isOwn) return (await isWithoutGateway()) ? null : used;
    if (used) {
      if (held === used) held = null;
      if (!held && isSuspended) useCookie();
    } else {
      if (!isOwn || !is("cookie") || !isLookDue()) return used;
      set({ status: "unknown" }); // the cookie does not count any more: are tokens given out again?
    }
    const next = await forRequest(signal, used?.subject);
    return next ?? (is("visitor") ? used : null);
  }

  /** Ask anew, whatever is known; returns when that was answered or patience is over. */
  async function adopt(): Promise<ClientState | null> {
    const usable = findUsable();
    if (usable) fresh = { ...usable, mayBeAnothers: true };
    else if (!flight) set({ status: "unknown" });
    await renewed();
    if (failure && !failure.isTemporary) throw failure;
    return is("visitor") ? null : state;
  }

  /** Renew the token although it is still good. */
  async function refresh(): Promise<ClientState | null> {
    fresh = null;
    await renewed();
    if (failure) throw failure;
    return is("visitor") ? null : state;
  }

  /** Keep the token of somebody who has just signed in, whoever was before. */
  function enterAs(answer: TokenAnswer): Promise<ClientState | null> {
    held = null;
    take(answer);
    return adopt();
  }

  async function isWithoutGateway(): Promise<boolean> {
    if (is("token") && isLookDue()) {
      await ask("session").catch((error: CrossfadeError) => error.code in COOKIE_INSTEAD && giveUp(error));
    }
    return is("cookie");
  }

  function isLookDue(): boolean {
    const now = monotonic();
    if (now - lookedAt < LOOK_PAUSE) return false;
    lookedAt = now;
    return true;
  }

  const is = (status: ClientState["status"]) => state.status === status;

  /** Whether the session cookie may speak in the place of a token that cannot be had now. */
  const mayUseCookie = () => state.phase !== "tokens_only" && state.phase !== "brownout";

  const left = ({ expiresAt }: Held) => expiresAt - clock.now();

  const findUsable = () => (held && left(held) > Math.min(LAST_MOMENT, held.life / 10) ? held : null);

  /** The last tenth of a life, a minute at least, but never more than half. */
  const isAgeing = (some: Held) =>
    !isSuspended && left(some) < Math.min(Math.max(60_000, some.life / 10), some.life / 2);

  /** Wait for a token, but not for ever, and not for somebody who has left. */
  function renewed(signal?: AbortSignal | null): Promise<void> {
    const patience = new Promise<void>((resolve, reject) => {
      deadline(PATIENCE).addEventListener("abort", () => resolve());
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return Promise.race([renew(), patience]);
  }

  // --- one renewal at a time ---

  /** Renew the token, or join the renewal under way. */
  function renew(): Promise<void> {
    return (flight ??= new Promise((letGo) => {
      if (isServer) return letGo(); // there is no user whose cookies could be sent
      void tryUntilAnswered(letGo).finally(() => {
        flight = null;
        letGo();
      });
    }));
  }

  /** The page came back, or the network: look again at once. */
  function wake(): void {
    endPause();
    if (held && isAgeing(held)) renew();
  }

  /**
   * Try until the gateway says yes or no. An answer that was lost may have been a yes, and the gateway repeats it for
   * half a minute only, so that the second try must not wait for the next request of the page.
   */
  async function tryUntilAnswered(letGo: () => void): Promise<void> {
    do {
      try {
        await tryOnce();
        failures = 0;
        failure = null;
        return;
      } catch (error) {
        if (!(error instanceof CrossfadeError)) throw error;
        failure = error;
        failures += 1;
        if (SPENT.includes(error.code)) {
          held = fresh = null;
          if (failures === 1) continue; // there is another way: refresh, or exchange
        } else if (!error.isTemporary) {
          return giveUp(error);
        }
        if (mayUseCookie()) letGo();
        await pause(error.retryAfter * 1000);
      }
    } while (!isClosed && !is("visitor"));
  }

  async function tryOnce(): Promise<void> {
    if (!fresh || left(fresh) <= 0) {
      const isOver = () => is("visitor"); // nobody renews for a visitor, so that somebody has signed out meanwhile
      const answer = await grants.obtain(isOver);
      if (isOver()) return;
      if (!answer) return signOut("expired");
      take(answer, !grants.isExchangeDue && state.subject === null);
    }
    await confirm();
  }

  /** Keep a token; it counts when it is confirmed. */
  function take({ access_token: token, expires_in }: TokenAnswer, mayBeAnothers = false): void {
    if (!token || !(expires_in > 0)) throw new CrossfadeError("network_error");
    const life = expires_in * 1000;
    fresh = { token, subject: null, life, expiresAt: clock.now() + life, mayBeAnothers };
    grants.isExchangeDue = isSuspended = false;
  }

  /** Ask whose the token is, and where it may be another user's, whose the session cookie is. */
  async function confirm(): Promise<void> {
    const mine = fresh;
    if (!mine) return;
    const [{ subject, phase }, cookie] = await Promise.all([
      ask<SessionAnswer>("session", { token: mine.token }),
      mine.mayBeAnothers ? ask<SessionAnswer>("session").catch(() => null) : null,
    ]);
    if (fresh !== mine) return; // signed out meanwhile
    fresh = null;
    if (cookie?.subject && cookie.subject !== subject) {
      // Somebody signed in where we did not see it: the session decides.
      held = null;
      grants.isExchangeDue = true;
      return tryOnce();
    }
    held = { ...mine, subject };
    const from = state.subject;
    const expiresAt = onTheWall(mine);
    set({ status: "token", subject, phase, expiresAt });
    if (from !== null && from !== subject) emit("userChanged", { from, to: subject });
    emit("refreshed", state);
    tabs.tell(expiresAt);
  }

  function pause(atLeast: number): Promise<void> {
    const longest = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
    return new Promise((resolve) => {
      endPause = resolve;
      timer(resolve, Math.max(longest * (0.5 + random() / 2), Math.min(atLeast, LONGEST_PAUSE)));
    });
  }

  /** When a token ends, by this machine's clock. */
  const onTheWall = (some: Held) => Math.round(left(some) + wall());

  // --- other states ---

  function giveUp(error: CrossfadeError): void {
    const { code } = error;
    grants.isExchangeDue = false;
    failure = code in COOKIE_INSTEAD ? null : error;
    // A token that is still good goes on, and brings a lost session cookie back.
    isSuspended = code === "issuing_suspended" && !!findUsable();
    const phase = COOKIE_INSTEAD[code] ?? state.phase;
    if (isSuspended) set({ phase });
    else useCookie(phase);
  }

  function useCookie(phase = state.phase): void {
    held = fresh = null;
    isSuspended = false;
    set({ status: "cookie", phase, expiresAt: null });
  }

  /** Forget the token; nobody is signed in now. */
  function signOut(reason: "logout" | "expired" | "elsewhere"): void {
    const isNews = is("token") || reason === "logout";
    held = fresh = null;
    grants.isExchangeDue = false;
    set({ status: "visitor", subject: null, expiresAt: null });
    if (reason === "logout") tabs.tell(0);
    if (isNews) emit("signedOut", { reason });
    endPause();
  }

  /** Another tab tells when its token ends, or 0 when the user signed out there. */
  function hear(expiresAt: number): void {
    if (expiresAt === 0) return signOut("elsewhere");
    grants.isExchangeDue = false; // there is a refresh cookie again
    if (is("visitor") || is("cookie")) set({ status: "unknown" });
    endPause();
  }

  function set(change: Partial<ClientState>): void {
    const before = state;
    state = { ...before, ...change };
    const { phase } = state;
    if (phase && phase !== before.phase) emit("phase", { phase });
    emit("change", state);
  }

  // --- from one page to the next in the same tab ---

  /** Return the token for the next page, or null where there is none. */
  function leave(): string | null {
    const usable = findUsable();
    return usable && JSON.stringify({ ...usable, expiresAt: onTheWall(usable) });
  }

  /** Take what the page before left, if over half of its life is left; nothing has to be rotated for this page then. */
  function enter(text: string): void {
    const before: Held = JSON.parse(text);
    const remaining = before.expiresAt - wall();
    if (remaining > before.life / 2) {
      fresh = { ...before, expiresAt: clock.now() + remaining, mayBeAnothers: true };
    }
  }

  return {
    getState: () => state,
    forRequest,
    after401,
    adopt,
    refresh,
    enterAs,
    wake,
    signOut,
    hear,
    leave,
    enter,
    close() {
      isClosed = true;
      endPause();
    },
  };
}
