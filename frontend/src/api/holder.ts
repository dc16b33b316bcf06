import type { Clock } from "./clock.js";
import { CrossfadeError } from "./errors.js";
import type { ClientState, Emit, Tabs } from "./events.js";
import type { TokenAnswer } from "./grants.js";

/** Milliseconds of life below which a token may be over before it arrives. */
const LAST_MOMENT = 2000;
/** Milliseconds of life below which a token is renewed, where a tenth of its life is less. */
const AGEING = 60_000;
/** What a Bearer token consists of (RFC 6750 section 2.1). */
const TOKEN = /^[\w.~+/-]+=*$/;

/** The session cookie speaks; nobody did anything wrong. */
const COOKIE = { status: "cookie", expiresAt: null } as const;

/** What a request carries: an access token in the memory of this page, and whose it is. */
export interface Credential {
  readonly token: string;
  readonly subject: string | null;
  /** Milliseconds for which it is good from the moment it was given out. */
  readonly life: number;
  /** When it ends, in milliseconds by the server's clock. */
  readonly expiresAt: number;
}

/** Holds the access token of this page, and knows what is said of the user. */
export type Holder = ReturnType<typeof createHolder>;

/** @param wall this machine's clock, by which the state says when the token ends */
export function createHolder(clock: Clock, wall: () => number, emit: Emit, tabs: Tabs) {
  let state: ClientState = { status: "unknown", subject: null, phase: null, expiresAt: null };
  let held: Credential | null = null;
  /** The token after which the cookie speaks, since no new ones are given out. */
  let last: Credential | null = null;

  const is = (status: ClientState["status"]) => state.status === status;

  const left = ({ expiresAt }: Credential) => expiresAt - clock.now();

  /** The token, if a request that carries it now arrives in time. */
  const findUsable = () => (held && left(held) > Math.min(LAST_MOMENT, held.life / 10) ? held : null);

  function set(change: Partial<ClientState>): void {
    const before = state;
    state = { ...before, ...change };
    if (state.phase && state.phase !== before.phase) emit("phase", { phase: state.phase });
    emit("change", state);
  }

  /** Hold a token that the gateway has just given out. */
  function take({ access_token: token, expires_in, subject = null, phase = null }: TokenAnswer): void {
    if (!TOKEN.test(token ?? "") || !(expires_in > 0)) throw new CrossfadeError("network_error");
    const life = expires_in * 1000;
    held = { token, subject, life, expiresAt: clock.now() + life };
    const from = state.subject;
    const expiresAt = wall() + life;
    set({ status: "token", subject, phase, expiresAt });
    if (from !== null && from !== subject) emit("userChanged", { from, to: subject });
    emit("refreshed", state);
    tabs.tell(expiresAt);
  }

  return {
    is,
    set,
    findUsable,
    take,
    get state() {
      return state;
    },
    /** Forget the state of the session, but not whose it was: it has to be asked for. */
    doubt: () => set({ status: "unknown" }),
    /** Whether the session cookie may speak in the place of a token that cannot be had now. */
    mayUseCookie: () => state.phase !== "tokens_only" && state.phase !== "brownout",
    /** Whether it is time to renew the token: the last tenth of its life, a minute at least, but never more than half. */
    isAgeing: () => held && held !== last && left(held) < Math.min(Math.max(AGEING, held.life / 10), held.life / 2),
    /**
     * Go on with a token that is still good, which brings a lost session cookie back, and then with the cookie; at once
     * where tokens are off.
     */
    suspend(phase = state.phase) {
      held = last = phase === "off" ? null : findUsable();
      set(last ? { phase } : { ...COOKIE, phase });
    },
    /** Forget a token that was refused. */
    drop(refused: Credential) {
      if (held !== refused) return;
      held = null;
      if (refused === last) set(COOKIE);
    },
    /** Forget the token; nobody is signed in now. */
    signOut(reason: "logout" | "expired" | "elsewhere") {
      const isNews = state.subject !== null || reason === "logout";
      held = null;
      set({ status: "visitor", subject: null, expiresAt: null });
      if (reason === "logout") tabs.tell(0);
      if (isNews) emit("signedOut", { reason });
    },
  };
}
