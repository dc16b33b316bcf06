import type { Clock } from "./clock.js";
import { CrossfadeError, type GatewayCode, isTemporary } from "./errors.js";
import type { Platform } from "./platform.js";

/** Milliseconds for an answer of the gateway itself. */
const PATIENCE = 10_000;

/** Whether the gateway gave this answer, and not the application or something in between. */
export function isOwn(response: Response): boolean {
  return response.headers.get("x-crossfade") === "1";
}

/** What is sent to an endpoint: a form makes it a POST, a token is shown, a key makes an exchange repeatable. */
export interface Question {
  form?: Record<string, string>;
  token?: string | undefined;
  key?: string | undefined;
}

/** Ask one of the gateway's own addresses; anything but a good answer of the gateway is a {@link CrossfadeError}. */
export type Ask = <Answer>(endpoint: string, question?: Question) => Promise<Answer>;

/** @param base the address of the endpoints, ending with a slash */
export function createAsk(platform: Platform, clock: Clock, base: string): Ask {
  return async <Answer>(endpoint: string, { form, token, key }: Question = {}): Promise<Answer> => {
    const headers = {
      "x-crossfade": "1",
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key && { "idempotency-key": key }),
    };
    const signal = platform.deadline(PATIENCE);
    try {
      const response = await platform.fetch(base + endpoint, {
        ...(form && { method: "POST", body: new URLSearchParams(form) }),
        headers,
        credentials: "include",
        cache: "no-store",
        redirect: "manual", // ours never redirect, so whoever does is somebody else
        keepalive: !!form, // a page that is left still gets its cookie
        signal,
      });
      const { status } = response;
      // Something on the way that is not well for a moment, or somebody who knows nothing of us.
      if (!isOwn(response)) {
        throw new CrossfadeError(isTemporary(status) ? "network_error" : "bypassed", { status, phase: "bypassed" });
      }
      clock.sync(response.headers.get("date"));
      const body = await response.json();
      if (response.ok && body) return body;
      const retryAfter = Number(response.headers.get("retry-after")) || 0;
      throw new CrossfadeError(
        body.code as GatewayCode,
        { status, retryAfter, requestId: body.request_id ?? "", phase: body.phase },
        body.detail ?? body.title,
      );
    } catch (cause) {
      if (cause instanceof CrossfadeError) throw cause;
      throw new CrossfadeError(signal.aborted ? "timeout" : "network_error", { cause });
    }
  };
}
