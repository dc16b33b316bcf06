/** A time that passes only when a test lets it. */
export class Time {
  now = 0;
  #next = 0;
  #timers = new Map<number, { at: number; callback: () => void }>();

  timer = (callback: () => void, milliseconds: number): (() => void) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.now + milliseconds, callback });
    return () => this.#timers.delete(id);
  };

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.timer(resolve, milliseconds));
  }

  /** Let everything happen that happens within so many milliseconds. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    do await settle();
    while (this.#step(end));
    this.now = end;
  }

  /** Let time pass until the promise settles. */
  async until<Result>(promise: Promise<Result>, atMost = 600_000): Promise<Result> {
    let isSettled = false;
    const settled = () => (isSettled = true);
    promise.then(settled, settled);
    const end = this.now + atMost;
    do await settle();
    while (!isSettled && this.#step(end));
    if (!isSettled) throw new Error(`not settled after ${atMost} ms`);
    return promise;
  }

  #step(end: number): boolean {
    let first: [number, { at: number; callback: () => void }] | undefined;
    for (const entry of this.#timers) if (!first || entry[1].at < first[1].at) first = entry;
    if (!first || first[1].at > end) return false;
    this.#timers.delete(first[0]);
    this.now = Math.max(this.now, first[1].at);
    first[1].callback();
    return true;
  }
}

/** Let all that is ready run, bodies of responses included. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
