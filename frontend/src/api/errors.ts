import type { Phase } from "./events.js";

/**
 * What the gateway can answer instead of what was asked for; its `code` member, word for word.
 *
 * @example
 * const isOurs = (code: GatewayCode) => code === "store_unavailable" || code === "overloaded";
 */
export type GatewayCode =
  | "bad_request"
  | "ambiguous_path"
  | "method_refused"
  | "request_timeout"
  | "body_too_large"
  | "target_too_long"
  | "expectation_failed"
  | "upgrade_refused"
  | "fields_too_large"
  | "not_implemented"
  | "version_refused"
  | "websocket_unsupported"
  | "login_required"
  | "invalid_token"
  | "session_ended"
  | "session_retired"
  | "invalid_client"
  | "forbidden"
  | "origin_refused"
  | "client_not_allowed"
  | "identity_not_carried"
  | "invalid_request"
  | "invalid_grant"
  | "invalid_dpop_proof"
  | "use_dpop_nonce"
  | "invalid_target"
  | "unsupported_grant_type"
  | "unsupported_token_type"
  | "not_found"
  | "wrong_method"
  | "conflict"
  | "phase_off"
  | "issuing_suspended"
  | "session_unverifiable"
  | "login_incomplete"
  | "too_many_requests"
  | "too_many_families"
  | "unavailable"
  | "revocation_unavailable"
  | "store_unavailable"
  | "issuer_unavailable"
  | "vault_unavailable"
  | "session_undetermined"
  | "login_unavailable"
  | "overloaded"
  | "upstream_error"
  | "upstream_unreachable"
  | "upstream_malformed"
  | "upstream_timeout"
  | "login_changed"
  | "internal_error";

/**
 * What the client itself finds out.
 *
 * - `network_error`: no answer, a broken one, or one from something between here and the gateway;
 * - `timeout`: no answer in time: ten seconds for one of the gateway, five for who waits for a token;
 * - `bypassed`: an address of the gateway was answered by something else, so there is no gateway on the way;
 * - `user_changed`: while a request waited for a token, another user signed in; it was not sent.
 *
 * @example
 * const sentences: Record<ClientCode, string> = {
 *   network_error: "You seem to be offline.",
 *   timeout: "The site is slow today.",
 *   bypassed: "Please use the application's own page for this.",
 *   user_changed: "Somebody else has signed in here.",
 * };
 */
export type ClientCode = "network_error" | "timeout" | "bypassed" | "user_changed";

/**
 * Every code that a {@link CrossfadeError} can have.
 *
 * @example
 * function report(code: ErrorCode) {
 *   metrics.count(`crossfade.${code}`);
 * }
 */
export type ErrorCode = GatewayCode | ClientCode;

/**
 * What is known of a failure beside its code.
 *
 * @example
 * new CrossfadeError("store_unavailable", { status: 503, retryAfter: 2 } satisfies ErrorDetails);
 */
export interface ErrorDetails {
  /** The HTTP status, 0 where there was no answer. */
  status?: number;
  /** Seconds to wait before the next try, as the gateway asked for, else 0. */
  retryAfter?: number;
  /** What to quote to whoever runs the gateway. */
  requestId?: string;
  /** The phase that the gateway named. */
  phase?: Phase | undefined;
  /** What the platform said. */
  cause?: unknown;
}

/**
 * The only error that the client throws. `code` is stable; `message` is for people and may change.
 *
 * @example
 * try {
 *   await client.login({ username, password });
 * } catch (error) {
 *   if (isCrossfadeError(error, "invalid_grant")) showWrongPassword();
 *   else if (isCrossfadeError(error) && error.isTemporary) showTryAgain(error.retryAfter);
 *   else throw error;
 * }
 */
export class CrossfadeError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "CrossfadeError";
  readonly status: number = 0;
  readonly retryAfter: number = 0;
  readonly requestId: string = "";
  /** The phase in force, where the answer was about that. */
  declare readonly phase?: Phase | undefined;
  /** Whether the same may work a little later, without anybody changing anything. */
  readonly isTemporary: boolean;

  constructor(readonly code: Code, details: ErrorDetails = {}, message: string = code) {
    super(message);
    Object.assign(this, details);
    this.isTemporary =
      code === "network_error" || code === "timeout" || (isTemporary(this.status) && code !== "too_many_families");
  }
}

/**
 * Whether something that was caught is a {@link CrossfadeError}, and one with this code where a code is given.
 *
 * @example
 * if (isCrossfadeError(error, "user_changed")) location.reload();
 */
export function isCrossfadeError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is CrossfadeError<Code> {
  return error instanceof CrossfadeError && (code === undefined || error.code === code);
}

/** Whether the gateway refused what was shown. Without it on the way, a 401 of the application says nothing of that. */
export function isRefusal({ status, code }: CrossfadeError): boolean {
  return status === 401 && code !== "bypassed";
}

/** Whether a status speaks of a moment and not of the request (RFC 9110 section 15.5.9, RFC 6585 section 4). */
export function isTemporary(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}
