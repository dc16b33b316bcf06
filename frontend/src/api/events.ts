import { attempt, type Platform } from "./platform.js";

/**
 * Where the gateway stands in the migration; `bypassed` where there is no gateway on the way.
 *
 * @example
 * client.on("phase", ({ phase }) => banner.toggle(phase === "off"));
 */
export type Phase =
  | "off"
  | "handback"
  | "shadow"
  | "parallel"
  | "prefer_tokens"
  | "brownout"
  | "tokens_only"
  | "bypassed";

/**
 * What carries the requests of this page.
 *
 * - `unknown`: nothing was asked yet, or nobody could say;
 * - `token`: an access token;
 * - `cookie`: the session cookie alone, since the gateway gives out no tokens now;
 * - `visitor`: nobody is signed in.
 *
 * @example
 * const labels: Record<Status, string> = { unknown: "…", token: "token", cookie: "cookie", visitor: "nobody" };
 */
export type Status = "unknown" | "token" | "cookie" | "visitor";

/**
 * What the client knows. Never changed in place: another object means another state.
 *
 * @example
 * const { status, subject } = client.state;
 */
export interface ClientState {
  readonly status: Status;
  /** The user's name for the gateway; null where nobody said. */
  readonly subject: string | null;
  readonly phase: Phase | null;
  /** When the access token ends, in milliseconds since 1970 by this machine's clock (compare with `Date.now()`). */
  readonly expiresAt: number | null;
}

/**
 * What listeners are told.
 *
 * @example
 * const listener = ({ from, to }: ClientEvents["userChanged"]) => console.info(`${from} → ${to}`);
 */
export interface ClientEvents {
  /** `logout` and `expired` happened in this tab, `elsewhere` in another one. */
  signedOut: { reason: "logout" | "expired" | "elsewhere" };
  /** There is a new access token. */
  refreshed: ClientState;
  /** The gateway is in another phase than before. */
  phase: { phase: Phase };
  /** The tokens belong to another user than before; what the page shows may be the former one's. */
  userChanged: { from: string; to: string | null };
  /** Anything of the state changed. */
  change: ClientState;
}

/** How {@link ClientEvents} are listened to; returns how to stop that. */
export type On = <Name extends keyof ClientEvents>(
  name: Name,
  listener: (event: ClientEvents[Name]) => void,
) => () => void;

/** Say what happened, to listeners in this tab. */
export type Emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]) => void;

export function createListeners(): { on: On; emit: Emit } {
  const all: { [Name in keyof ClientEvents]?: Set<(event: ClientEvents[Name]) => void> } = {};
  const listenersOf = <Name extends keyof ClientEvents>(name: Name) =>
    (all[name] ??= new Set<never>() as NonNullable<(typeof all)[Name]>);
  return {
    on(name, listener) {
      const some = listenersOf(name).add(listener);
      return () => some.delete(listener);
    },
    emit(name, event) {
      // Later and alone: a listener that throws or calls the client disturbs nothing of ours.
      for (const listener of listenersOf(name)) queueMicrotask(() => listener(event));
    },
  };
}

/** Says to the other tabs when a token ends, or 0 when the user signed out; never more than this number. */
export interface Tabs {
  tell(expiresAt: number): void;
  close(): void;
}

export function createTabs(platform: Platform, name: string, hear: (expiresAt: number) => void): Tabs {
  const channel = attempt(() => platform.channel(name));
  if (channel) channel.onmessage = ({ data }: MessageEvent<number>) => hear(data);
  return {
    tell: (expiresAt) => attempt(() => channel?.postMessage(expiresAt)),
    close: () => channel?.close(),
  };
}
