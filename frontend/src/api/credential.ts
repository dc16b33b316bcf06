/** What a request carries. */
export interface Credential {
  readonly token: string;
  /** Whose it is; null until somebody said. */
  readonly subject: string | null;
}

/** An access token in the memory of this page. Times by the server's clock, in milliseconds. */
export interface Held extends Credential {
  readonly life: number;
  readonly expiresAt: number;
  /** It may be older than the session of this page, and another user's. */
  readonly mayBeAnothers: boolean;
}
