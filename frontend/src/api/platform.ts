/** All that the client needs of its surroundings: time, chance, the network and what tabs share. */
export interface Platform {
  /** Nobody's page: there is no user whose tokens could be kept. */
  isServer: boolean;
  fetch: typeof fetch;
  wall(): number;
  monotonic(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Call back once after so many milliseconds. */
  timer(callback: () => void, milliseconds: number): void;
  /** A signal that aborts after so many milliseconds. */
  deadline(milliseconds: number): AbortSignal;
  locks: LockManager | undefined;
  /** What tabs of one origin hear each other by. May throw. */
  channel(name: string): BroadcastChannel;
  /** Listen to the window until the signal aborts. */
  listen(event: string, listener: (event: Event) => void, signal: AbortSignal): void;
  isHidden(): boolean;
}

/** The page that this script runs in, or a server. */
export function thisPlatform(): Platform {
  const scope: Partial<typeof globalThis> = globalThis;
  const isServer = !scope.location;
  return {
    isServer,
    // As it is now: a page that wraps `fetch` later does not make us call ourselves.
    fetch: fetch.bind(scope),
    wall: Date.now,
    monotonic: () => performance.now(),
    random: Math.random,
    timer: (callback, milliseconds) => setTimeout(callback, milliseconds),
    deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
    locks: scope.navigator?.locks,
    channel(name) {
      // One on a server would keep the process alive.
      if (isServer) throw name;
      return new BroadcastChannel(name);
    },
    listen: (event, listener, signal) => scope.addEventListener?.(event, listener, { signal }),
    isHidden: () => document.hidden,
  };
}

/** Do what a browser may forbid or lack; the client gets on without. */
export function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {}
  return undefined;
}
