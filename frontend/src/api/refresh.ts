import { CrossfadeError, type ErrorCode } from "./errors.js";
import type { Grants } from "./grants.js";
import type { Holder } from "./holder.js";
import type { Platform } from "./platform.js";

/** Milliseconds that a request waits for a token before it is answered otherwise. */
const PATIENCE = 5000;
/** Half of the milliseconds before the second try; the pause doubles with each further one, up to the longest. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 60_000;

/** Answers that say: use the session cookie. Nobody did anything wrong. */
const COOKIE_INSTEAD: readonly ErrorCode[] = ["phase_off", "issuing_suspended", "bypassed", "too_many_families"];

/** Renews the token, once at a time, until the gateway has said yes or no. */
export type Refresh = ReturnType<typeof createRefresh>;

export function createRefresh({ isServer, random, timer, deadline }: Platform, grants: Grants, holder: Holder) {
  /** The renewal under way; it ends when the gateway has answered, and is never rejected. */
  let flight: Promise<void> | null = null;
  /** Its first try. */
  let firstTry: Promise<void> | null = null;
  let failures = 0;
  /** Why there is no token; null where all is well. */
  let failure: CrossfadeError | null = null;
  let endPause = () => {};
  let isClosed = false;

  /**
   * Renew the token. On a server there is no user whose cookies could be sent.
   *
   * @returns the renewal that was under way before, which this one joins
   */
  function renew(): Promise<void> | null {
    if (flight || isServer) return flight;
    firstTry = new Promise((letGo) => {
      flight = tryUntilAnswered(letGo).finally(() => {
        flight = null;
        letGo();
      });
    });
    return null;
  }

  /**
   * Wait for a token, but not for ever, and not for somebody who has left. Where the cookie can stand in, those who wait
   * are let go after the first try.
   *
   * @param mayUseCookie whether it can, and will do
   * @returns whether it was too long
   */
  function renewed(signal?: AbortSignal | null, mayUseCookie = holder.mayUseCookie()): Promise<true | void> {
    renew();
    const patience = new Promise<true>((resolve, reject) => {
      deadline(PATIENCE).addEventListener("abort", () => resolve(true));
      signal?.throwIfAborted();
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
    return Promise.race([mayUseCookie ? firstTry : flight, patience]) as Promise<true | void>;
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
        failure = error as CrossfadeError;
        failures += 1;
        if (!failure.isTemporary) return giveUp(failure);
        letGo();
        await pause(failure.retryAfter * 1000);
      }
    } while (!isClosed && !holder.is("visitor"));
  }

  async function tryOnce(): Promise<void> {
    const isOver = () => holder.is("visitor"); // nobody renews for a visitor, so that somebody has signed out meanwhile
    const before = holder.findUsable();
    const answer = await grants.obtain(isOver);
    if (isOver()) return;
    if (answer) holder.take(answer);
    else if ((holder.findUsable() ?? before) === before) signOut("expired"); // else somebody has signed in meanwhile
  }

  function pause(atLeast: number): Promise<void> {
    const longest = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
    return new Promise((resolve) => {
      endPause = resolve;
      timer(resolve, Math.max(longest * (0.5 + random() / 2), Math.min(atLeast, LONGEST_PAUSE)));
    });
  }

  /** There is no token to be had now, and trying again would not help. */
  function giveUp(error: CrossfadeError): void {
    failure = COOKIE_INSTEAD.includes(error.code) ? null : error;
    holder.suspend(error.phase);
  }

  function signOut(reason: "logout" | "expired" | "elsewhere"): void {
    holder.signOut(reason);
    endPause();
  }

  return {
    renew,
    renewed,
    giveUp,
    signOut,
    get failure() {
      return failure;
    },
    /** Somebody wants to know now: a pause is over, unless the gateway asked for it. */
    hurry() {
      if (!failure?.retryAfter) endPause();
    },
    /** The page came back, or the network: look again at once. */
    wake() {
      endPause();
      if (holder.isAgeing()) renew();
    },
    /** Another tab tells when its token ends, or 0 when the user signed out there. */
    hear(expiresAt: number) {
      if (expiresAt === 0) return signOut("elsewhere");
      if (holder.is("visitor") || holder.is("cookie")) holder.doubt();
      endPause();
    },
    close() {
      isClosed = true;
      endPause();
    },
  };
}
