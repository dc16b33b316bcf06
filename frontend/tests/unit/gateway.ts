/** A model of the gateway's token endpoints, with the rotation rules of the real one, and of the application behind. */

export interface Policy {
  access: number;
  refresh: number;
  grace: number;
}

interface Row {
  generation: number;
  issuedAt: number;
  usedAt: number | null;
  successor: string;
}

interface Family {
  id: number;
  subject: string;
  session: string;
  generation: number;
  isEnded: boolean;
  endsAt: number;
  rows: Map<string, Row>;
}

export interface Asked {
  method: string;
  path: string;
  headers: Headers;
  form: URLSearchParams;
  body: string;
}

/** One browser's cookies, shared by its tabs. */
export type Jar = Map<string, string>;

const SESSION = "sessionid";
const REFRESH = "__Host-crossfade_refresh";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

export class ModelGateway {
  phase = "parallel";
  /** The balancer goes past the gateway. */
  isBypassed = false;
  /** What the token endpoint answers instead. */
  fault: ((asked: Asked) => Response | null) | null = null;
  /** The application's login is replayed for `password`. */
  replaysLogins = false;
  readonly log: string[] = [];
  readonly counts = { rotated: 0, tooYoung: 0, grace: 0, replay: 0, exchanged: 0 };
  readonly sessions = new Map<string, string>();
  #families: Family[] = [];
  #byKey = new Map<string, { family: Family; token: string; at: number }>();
  #access = new Map<string, { family: Family; expiresAt: number }>();
  #drawn = 0;

  constructor(
    readonly now: () => number,
    readonly policy: Policy = { access: 3600_000, refresh: 7 * 86_400_000, grace: 30_000 },
  ) {}

  logIn(subject: string, jar: Jar): void {
    const id = `session-${++this.#drawn}`;
    this.sessions.set(id, subject);
    jar.set(SESSION, id);
  }

  /** The application's own logout; the gateway sees it unless tokens are off. */
  logOutOfTheApplication(jar: Jar): void {
    const session = jar.get(SESSION) ?? "";
    this.sessions.delete(session);
    jar.delete(SESSION);
    if (this.phase !== "off") this.#end((family) => family.session === session);
  }

  revokeAll(): void {
    this.#access.clear();
  }

  endFamilies(): void {
    this.#end(() => true);
  }

  get families(): number {
    return this.#families.length;
  }

  get live(): number {
    return this.#families.filter((family) => !this.#isOver(family)).length;
  }

  /** Answer a request. Cookies that the answer sets go into `set`, so that a lost answer loses them too. */
  answer(asked: Asked, jar: ReadonlyMap<string, string>, set: Jar): Response {
    this.log.push(`${asked.method} ${asked.path}`);
    const isOwn = asked.path.startsWith("/.crossfade/");
    if (this.isBypassed) return this.#application(asked, this.sessions.get(jar.get(SESSION) ?? ""));
    const faulty = this.fault?.(asked);
    if (faulty) return faulty;
    if (isOwn && this.phase === "off") return problem(409, "phase_off");
    switch (asked.path) {
      case "/.crossfade/token":
        return this.#token(asked, jar, set);
      case "/.crossfade/session":
        return this.#session(asked, jar);
      case "/.crossfade/logout":
        return this.#logout(asked, jar, set);
    }
    return this.#forward(asked, jar);
  }

  #forward(asked: Asked, jar: ReadonlyMap<string, string>): Response {
    const token = this.#bearer(asked);
    if (token === null || this.phase === "off") {
      const subject = this.sessions.get(jar.get(SESSION) ?? "");
      if (this.phase === "tokens_only" && subject) return problem(401, "session_retired");
      return this.#application(asked, subject);
    }
    const access = this.#access.get(token);
    if (!access || access.expiresAt <= this.now() || access.family.isEnded) return problem(401, "invalid_token");
    if (!this.sessions.has(access.family.session)) return problem(401, "session_ended");
    return this.#application(asked, access.family.subject);
  }

  #application(asked: Asked, subject: string | undefined): Response {
    if (asked.path === "/api/secret") return Response.json({ error: "Not for you." }, { status: 401 });
    if (asked.path.startsWith("/.crossfade/")) return new Response("not found", { status: 404 });
    if (!subject) return Response.json({ error: "Sign in first." }, { status: 401 });
    return Response.json({ user: subject, body: asked.body, authorization: asked.headers.get("authorization") });
  }

  #token({ form, headers }: Asked, jar: ReadonlyMap<string, string>, set: Jar): Response {
    if (this.phase === "handback" || this.phase === "shadow") {
      return problem(409, "issuing_suspended", {}, this.phase);
    }
    switch (form.get("grant_type")) {
      case "refresh_token":
        return this.#refresh(jar.get(REFRESH), this.sessions.get(jar.get(SESSION) ?? ""), set);
      case EXCHANGE:
        return this.#exchange(jar.get(SESSION), headers.get("idempotency-key") ?? "", set);
    }
    if (!this.replaysLogins || form.get("grant_type") !== "password") return problem(400, "unsupported_grant_type");
    this.logIn(form.get("username") ?? "", set);
    return this.#exchange(set.get(SESSION), "", set);
  }

  /** @param beside whose session cookie the request shows; another user's counts more than the token */
  #refresh(presented: string | undefined, beside: string | undefined, set: Jar): Response {
    const family = this.#families.find(({ rows }) => rows.has(presented ?? ""));
    const row = family?.rows.get(presented ?? "");
    if (!presented || !family || !row || this.#isOver(family)) return this.#invalidGrant(set);
    if (beside && beside !== family.subject) return this.#invalidGrant(set);
    const now = this.now();
    if (row.usedAt !== null || row.generation !== family.generation) {
      const isInGrace = row.generation === family.generation - 1 && now - (row.usedAt ?? 0) < this.policy.grace;
      if (!isInGrace) {
        this.counts.replay++;
        family.isEnded = true;
        return this.#invalidGrant(set);
      }
      this.counts.grace++;
      return this.#grant(family, row.successor, set);
    }
    if (now - row.issuedAt < Math.max(this.policy.grace, this.policy.access / 2)) {
      this.counts.tooYoung++;
      return this.#grant(family, presented, set);
    }
    this.counts.rotated++;
    row.usedAt = now;
    row.successor = `rt-${++this.#drawn}`;
    family.generation++;
    family.rows.set(row.successor, { generation: family.generation, issuedAt: now, usedAt: null, successor: "" });
    return this.#grant(family, row.successor, set);
  }

  #exchange(session: string | undefined, key: string, set: Jar): Response {
    if (!session) return problem(401, "login_required");
    const subject = this.sessions.get(session);
    if (!subject) return problem(409, "session_unverifiable");
    const now = this.now();
    const earlier = this.#byKey.get(`${session} ${key}`);
    if (key && earlier) {
      if (now - earlier.at >= this.policy.grace) return problem(400, "invalid_request");
      return this.#grant(earlier.family, earlier.token, set);
    }
    this.counts.exchanged++;
    const token = `rt-${++this.#drawn}`;
    const rows = new Map([[token, { generation: 0, issuedAt: now, usedAt: null, successor: "" }]]);
    const endsAt = now + this.policy.refresh;
    const family = { id: this.#families.length, subject, session, generation: 0, isEnded: false, endsAt, rows };
    this.#families.push(family);
    this.#byKey.set(`${session} ${key}`, { family, token, at: now });
    return this.#grant(family, token, set);
  }

  #grant(family: Family, refresh: string, set: Jar): Response {
    const token = `at-${++this.#drawn}`;
    this.#access.set(token, { family, expiresAt: this.now() + this.policy.access });
    set.set(REFRESH, refresh);
    const { subject } = family;
    const answer = { access_token: token, token_type: "Bearer", expires_in: this.policy.access / 1000, subject };
    return own({ ...answer, phase: this.phase }, this.now());
  }

  #session(asked: Asked, jar: ReadonlyMap<string, string>): Response {
    const token = this.#bearer(asked);
    if (token === null) {
      const subject = this.sessions.get(jar.get(SESSION) ?? "") ?? null;
      return own({ credential: subject ? "session" : "none", subject, phase: this.phase }, this.now());
    }
    const access = this.#access.get(token);
    if (!access || access.expiresAt <= this.now() || access.family.isEnded) return problem(401, "invalid_token");
    return own({ credential: "bearer", subject: access.family.subject, phase: this.phase }, this.now());
  }

  #logout(asked: Asked, jar: ReadonlyMap<string, string>, set: Jar): Response {
    const access = this.#access.get(this.#bearer(asked) ?? "");
    if (access?.family.isEnded && !jar.has(SESSION) && !jar.has(REFRESH)) return problem(401, "invalid_token");
    const session = jar.get(SESSION) ?? "";
    const presented = jar.get(REFRESH) ?? "";
    const before = this.live;
    this.sessions.delete(session);
    this.#end((family) => family.session === session || family.rows.has(presented));
    set.set(SESSION, "");
    set.set(REFRESH, "");
    return own({ families: before - this.live, session: session ? "ended" : "none" }, this.now());
  }

  #invalidGrant(set: Jar): Response {
    set.set(REFRESH, "");
    return problem(400, "invalid_grant");
  }

  #end(which: (family: Family) => boolean): void {
    for (const family of this.#families) if (which(family)) family.isEnded = true;
  }

  #isOver(family: Family): boolean {
    return family.isEnded || family.endsAt <= this.now() || !this.sessions.has(family.session);
  }

  #bearer(asked: Asked): string | null {
    return asked.headers.get("authorization")?.replace("Bearer ", "") ?? null;
  }
}

export function own(body: object, now: number): Response {
  return Response.json(body, { headers: { "x-crossfade": "1", date: new Date(now).toUTCString() } });
}

export function problem(
  status: number,
  code: string,
  headers: Record<string, string> = {},
  suspendedIn = "handback",
): Response {
  const challenge = code === "invalid_token" || code === "session_ended" ? ', error="invalid_token"' : "";
  const phase = code === "phase_off" ? "off" : code === "issuing_suspended" ? suspendedIn : undefined;
  return Response.json(
    { code, title: code, status, request_id: "r-1", phase },
    { status, headers: { "x-crossfade": "1", "www-authenticate": `Bearer realm="crossfade"${challenge}`, ...headers } },
  );
}
