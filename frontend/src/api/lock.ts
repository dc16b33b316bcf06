import type { Platform } from "./platform.js";

/** Milliseconds to wait for other tabs, less than a request waits. A frozen tab may hold a lock for hours. */
const PATIENCE = 3000;

/**
 * Run `work` while no other tab does. Where there are no Web Locks, or the lock cannot be had in time, it runs all the
 * same: the gateway gives all racers the same successor, so that the lock saves requests but nobody's session depends
 * on it. Nothing is stolen, and `work` must call nobody's callbacks.
 */
export async function withLock<Result>(platform: Platform, name: string, work: () => Promise<Result>): Promise<Result> {
  let isHeld = false;
  try {
    // Where there are none, that is an error too, and the same way on.
    return await platform.locks!.request(name, { signal: platform.deadline(PATIENCE) }, () => {
      isHeld = true;
      return work();
    });
  } catch (error) {
    if (isHeld) throw error;
    return work();
  }
}
