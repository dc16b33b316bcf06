/** Milliseconds since 1970 by the server's clock, as far as it is known here. */
export interface Clock {
  now(): number;
  /** Take the server's time from the `Date` of an answer that no cache can have kept. */
  sync(date: string | null): void;
}

/**
 * A clock that trusts neither the wall clock, which may be wrong and is set at will, nor the monotonic one alone, which
 * stands still while some machines sleep. What has passed is whichever of the two says more: to think that a token is
 * older than it is costs one refresh, to think that it is younger costs a refused request.
 */
export function createClock(wall: () => number, monotonic: () => number): Clock {
  let server = wall();
  let wallThen = server;
  let monotonicThen = monotonic();

  const now = () => server + Math.max(wall() - wallThen, monotonic() - monotonicThen);

  return {
    now,
    sync(date) {
      server = Date.parse(date ?? "") || now();
      wallThen = wall();
      monotonicThen = monotonic();
    },
  };
}
