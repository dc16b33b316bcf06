import type { Ask } from "./endpoints.js";
import type { CrossfadeError, ErrorCode } from "./errors.js";
import type { Phase } from "./events.js";
import { withLock } from "./lock.js";
import type { Platform } from "./platform.js";

/** Milliseconds for which the gateway repeats an exchange that has the same key, less what an answer may take. */
const KEY_LIFE = 20_000;

/** Answers to an exchange that say: nobody is signed in. */
const NOBODY: readonly ErrorCode[] = ["login_required", "session_unverifiable"];

const EXCHANGE = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:crossfade:params:oauth:token-type:session-cookie",
};

/** The answer of `token`; durations in seconds. */
export interface TokenAnswer {
  access_token: string;
  expires_in: number;
  subject?: string | null;
  phase?: Phase | null;
}

/** Gets tokens from the gateway. */
export interface Grants {
  /**
   * Refresh, or exchange the session where there is nothing to refresh, while no other tab does. Null when nobody is
   * signed in, or when `isOver` says inside of the lock that it is not wanted any more.
   */
  obtain(isOver: () => boolean): Promise<TokenAnswer | null>;
}

/** @param name one for all tabs that share the cookies */
export function createGrants(platform: Platform, ask: Ask, clientId: string, name: string): Grants {
  let key = "";
  let drawnAt = 0;

  const request = (form: Record<string, string>, key?: string) =>
    ask<TokenAnswer>("token", { form: { ...form, client_id: clientId }, key });

  /** The key is the same for each try of one exchange, so that a lost answer opens no second family. */
  async function exchange(): Promise<TokenAnswer | null> {
    const now = platform.monotonic();
    if (!key || now - drawnAt > KEY_LIFE) {
      key = `${platform.random()}${platform.random()}`;
      drawnAt = now;
    }
    const answer = await request(EXCHANGE, key).catch((error: CrossfadeError) => {
      if (!error.isTemporary) key = "";
      if (NOBODY.includes(error.code)) return null;
      throw error;
    });
    key = "";
    return answer;
  }

  return {
    obtain: (isOver) =>
      withLock(platform, name, async () => {
        if (isOver()) return null;
        return request({ grant_type: "refresh_token" }).catch((error: CrossfadeError) => {
          if (error.code !== "invalid_grant") throw error;
          return exchange();
        });
      }),
  };
}
