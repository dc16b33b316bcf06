import type { Ask } from "./endpoints.js";
import { CrossfadeError, isRefusal } from "./errors.js";
import type { ClientState, Phase } from "./events.js";
import type { Credential, Holder } from "./holder.js";
import type { Refresh } from "./refresh.js";

/** Milliseconds between two looks whether the gateway is still on the way. */
const LOOK_PAUSE = 30_000;

/** The answer of `session`; whose the credential is that was shown, null where none was. */
interface SessionAnswer {
  subject: string | null;
  phase: Phase;
}

/** What requests and the application ask of the tokens. */
export type Tokens = ReturnType<typeof createTokens>;

export function createTokens(monotonic: () => number, ask: Ask, holder: Holder, refresh: Refresh) {
  let lookedAt = -Infinity;
  const { is, findUsable } = holder;

  /**
   * Return what a request carries, or null where it goes with the cookie alone.
   *
   * @param subject whose request it is, where that is known
   * @param isCookieRefused the gateway has refused this request with the cookie; others may still go with it
   * @throws CrossfadeError there is no token for the moment and the cookie does not count in this phase or for this
   *   request, or `user_changed`
   */
  async function forRequest(
    signal?: AbortSignal | null,
    subject = holder.state.subject,
    isCookieRefused = false,
  ): Promise<Credential | null> {
    const mayUseCookie = () => (!isCookieRefused || is("cookie")) && holder.mayUseCookie();
    let usable = findUsable();
    if (usable) {
      if (holder.isAgeing()) refresh.renew();
    } else {
      if (is("visitor") || is("cookie")) return null;
      await refresh.renewed(signal, mayUseCookie());
      usable = findUsable();
    }
    if (usable && subject !== null && subject !== usable.subject) throw new CrossfadeError("user_changed");
    if (!usable && !is("visitor") && !mayUseCookie()) throw refresh.failure ?? new CrossfadeError("timeout");
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
    if (used && !isOwn) {
      if (is("token") && isLookDue()) await look().catch(() => {});
      return is("cookie") ? null : used; // the cookie alone where there is no gateway
    }
    if (used) holder.drop(used);
    else if (!isOwn || is("visitor") || (is("cookie") && !isLookDue())) return used;
    else if (is("cookie")) holder.doubt(); // it does not count any more: are tokens given out again?
    // Without a token nobody can say now who this is, and that is no reason to sign in again.
    const next = await forRequest(signal, used?.subject, !used);
    return next ?? (is("visitor") ? used : null);
  }

  function isLookDue(): boolean {
    const now = monotonic();
    if (now - lookedAt < LOOK_PAUSE) return false;
    lookedAt = now;
    return true;
  }

  const current = () => (is("visitor") ? null : holder.state);

  /** Ask the gateway who this is. */
  async function look(): Promise<ClientState | null> {
    const used = await forRequest();
    const answer = await ask<SessionAnswer>("session", { token: used?.token }).catch(async (error: CrossfadeError) => {
      if (isRefusal(error)) await after401(used, true);
      else if (error.isTemporary) throw error;
      else {
        refresh.giveUp(error);
        if (used) holder.drop(used); // it was shown, and nobody knew it
      }
    });
    if (answer) holder.set({ phase: answer.phase });
    // Somebody has signed in, or tokens are given out again.
    return answer?.subject && !used ? renew(false) : current();
  }

  /**
   * Ask for a token, whatever is known.
   *
   * @param isStrict nothing but a token will do: try now and again, until that was answered or patience is over
   */
  async function renew(isStrict: boolean, isAgain = false): Promise<ClientState | null> {
    if (isStrict) refresh.hurry();
    if (!findUsable()) holder.doubt();
    const isJoining = refresh.renew() && !isAgain;
    const isLate = await refresh.renewed(null, !isStrict && holder.mayUseCookie());
    const failure = refresh.failure ?? (isLate && new CrossfadeError("timeout"));
    if (failure && (isStrict || !failure.isTemporary)) throw failure;
    // What was asked before may have been answered before somebody signed in.
    return isJoining && !findUsable() && !is("cookie") ? renew(isStrict, true) : current();
  }

  return { forRequest, after401, look, renew };
}
