// Built from ../src by `npm run build`; not edited by hand.
// src/api/clock.ts
/**
* A clock that trusts neither the wall clock, which may be wrong and is set at will, nor the monotonic one alone, which
* stands still while some machines sleep. What has passed is whichever of the two says more: to think that a token is
* older than it is costs one refresh, to think that it is younger costs a refused request.
*/
function createClock(wall, monotonic) {
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
		}
	};
}
// src/api/errors.ts
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
var CrossfadeError = class extends Error {
	code;
	name = "CrossfadeError";
	status = 0;
	retryAfter = 0;
	requestId = "";
	/** Whether the same may work a little later, without anybody changing anything. */
	isTemporary;
	constructor(code, details = {}, message = code) {
		super(message);
		this.code = code;
		Object.assign(this, details);
		this.isTemporary = code === "network_error" || code === "timeout" || isTemporary(this.status) && code !== "too_many_families";
	}
};
/**
* Whether something that was caught is a {@link CrossfadeError}, and one with this code where a code is given.
*
* @example
* if (isCrossfadeError(error, "user_changed")) location.reload();
*/
function isCrossfadeError(error, code) {
	return error instanceof CrossfadeError && (code === void 0 || error.code === code);
}
/** Whether the gateway refused what was shown. Without it on the way, a 401 of the application says nothing of that. */
function isRefusal({ status, code }) {
	return status === 401 && code !== "bypassed";
}
/** Whether a status speaks of a moment and not of the request (RFC 9110 section 15.5.9, RFC 6585 section 4). */
function isTemporary(status) {
	return status >= 500 || status === 408 || status === 429;
}
// src/api/endpoints.ts
/** Milliseconds for an answer of the gateway itself. */
var PATIENCE$2 = 1e4;
/** Whether the gateway gave this answer, and not the application or something in between. */
function isOwn(response) {
	return response.headers.get("x-crossfade") === "1";
}
/** @param base the address of the endpoints, ending with a slash */
function createAsk(platform, clock, base) {
	return async (endpoint, { form, token, key } = {}) => {
		const headers = {
			"x-crossfade": "1",
			...token && { authorization: `Bearer ${token}` },
			...key && { "idempotency-key": key }
		};
		const signal = platform.deadline(PATIENCE$2);
		try {
			const response = await platform.fetch(base + endpoint, {
				...form && {
					method: "POST",
					body: new URLSearchParams(form)
				},
				headers,
				credentials: "include",
				cache: "no-store",
				redirect: "manual",
				keepalive: !!form,
				signal
			});
			const { status } = response;
			if (!isOwn(response)) throw new CrossfadeError(isTemporary(status) ? "network_error" : "bypassed", {
				status,
				phase: "bypassed"
			});
			clock.sync(response.headers.get("date"));
			const body = await response.json();
			if (response.ok && body) return body;
			const retryAfter = Number(response.headers.get("retry-after")) || 0;
			throw new CrossfadeError(body.code, {
				status,
				retryAfter,
				requestId: body.request_id ?? "",
				phase: body.phase
			}, body.detail ?? body.title);
		} catch (cause) {
			if (cause instanceof CrossfadeError) throw cause;
			throw new CrossfadeError(signal.aborted ? "timeout" : "network_error", { cause });
		}
	};
}
// src/api/platform.ts
/** The page that this script runs in, or a server. */
function thisPlatform() {
	const scope = globalThis;
	const isServer = !scope.location;
	return {
		isServer,
		fetch: fetch.bind(scope),
		wall: Date.now,
		monotonic: () => performance.now(),
		random: Math.random,
		timer: (callback, milliseconds) => setTimeout(callback, milliseconds),
		deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
		locks: scope.navigator?.locks,
		channel(name) {
			if (isServer) throw name;
			return new BroadcastChannel(name);
		},
		listen: (event, listener, signal) => scope.addEventListener?.(event, listener, { signal }),
		isHidden: () => document.hidden
	};
}
/** Do what a browser may forbid or lack; the client gets on without. */
function attempt(work) {
	try {
		return work();
	} catch {}
}
// src/api/events.ts
function createListeners() {
	const all = {};
	const listenersOf = (name) => all[name] ??= /* @__PURE__ */ new Set();
	return {
		on(name, listener) {
			const some = listenersOf(name).add(listener);
			return () => some.delete(listener);
		},
		emit(name, event) {
			for (const listener of listenersOf(name)) queueMicrotask(() => listener(event));
		}
	};
}
function createTabs(platform, name, hear) {
	const channel = attempt(() => platform.channel(name));
	if (channel) channel.onmessage = ({ data }) => hear(data);
	return {
		tell: (expiresAt) => attempt(() => channel?.postMessage(expiresAt)),
		close: () => channel?.close()
	};
}
// src/api/fetch.ts
/** Make a `fetch` that carries the user's token to the gateway's own origin, and nowhere else. */
function createFetch(tokens, fetch, base, exclude) {
	return async (input, init) => {
		const isRequest = input instanceof Request;
		const url = new URL(isRequest ? input.url : input, base);
		const target = isRequest ? input : url;
		const given = isRequest ? input : {};
		const headers = new Headers(init?.headers ?? given.headers);
		if (!url.href.startsWith(`${base.origin}/`) || headers.has("authorization") || exclude.some((rule) => isMatch(rule, url))) return fetch(target, init);
		const signal = init?.signal ?? given.signal;
		const showsCookie = (init?.credentials ?? given.credentials) !== "omit";
		const cookies = base.origin !== globalThis.location?.origin && showsCookie && { credentials: "include" };
		const send = (credential, isLast) => {
			const sent = new Headers(headers);
			if (credential) sent.set("authorization", `Bearer ${credential.token}`);
			return fetch(isRequest && !isLast ? input.clone() : target, {
				...init,
				...cookies,
				headers: sent
			});
		};
		const used = await tokens.forRequest(signal);
		const isRepeatable = !(init?.body instanceof ReadableStream);
		const response = await send(used, !isRepeatable);
		const isOurs = isOwn(response);
		const isInvalid = response.headers.get("www-authenticate")?.includes("\"invalid_token\"");
		if (response.status !== 401 || (used ? isOurs && !isInvalid : !showsCookie)) return response;
		const next = tokens.after401(used, isOurs, signal);
		const better = isRepeatable ? await next : used;
		next.catch(() => {});
		if (better === used) return response;
		response.body?.cancel().catch(() => {});
		return send(better, true);
	};
}
function isMatch(rule, url) {
	const { pathname } = url;
	if (typeof rule === "function") return rule(url);
	if (typeof rule !== "string") return pathname.search(rule) >= 0;
	return rule.endsWith("*") ? pathname.startsWith(rule.slice(0, -1)) : pathname === rule;
}
// src/api/lock.ts
/** Milliseconds to wait for other tabs, less than a request waits. A frozen tab may hold a lock for hours. */
var PATIENCE$1 = 3e3;
/**
* Run `work` while no other tab does. Where there are no Web Locks, or the lock cannot be had in time, it runs all the
* same: the gateway gives all racers the same successor, so that the lock saves requests but nobody's session depends
* on it. Nothing is stolen, and `work` must call nobody's callbacks.
*/
async function withLock(platform, name, work) {
	let isHeld = false;
	try {
		return await platform.locks.request(name, { signal: platform.deadline(PATIENCE$1) }, () => {
			isHeld = true;
			return work();
		});
	} catch (error) {
		if (isHeld) throw error;
		return work();
	}
}
// src/api/grants.ts
/** Milliseconds for which the gateway repeats an exchange that has the same key, less what an answer may take. */
var KEY_LIFE = 2e4;
/** Answers to an exchange that say: nobody is signed in. */
var NOBODY = ["login_required", "session_unverifiable"];
var EXCHANGE = {
	grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
	subject_token_type: "urn:crossfade:params:oauth:token-type:session-cookie"
};
/** @param name one for all tabs that share the cookies */
function createGrants(platform, ask, clientId, name) {
	let key = "";
	let drawnAt = 0;
	const request = (form, key) => ask("token", {
		form: {
			...form,
			client_id: clientId
		},
		key
	});
	/** The key is the same for each try of one exchange, so that a lost answer opens no second family. */
	async function exchange() {
		const now = platform.monotonic();
		if (!key || now - drawnAt > KEY_LIFE) {
			key = `${platform.random()}${platform.random()}`;
			drawnAt = now;
		}
		const answer = await request(EXCHANGE, key).catch((error) => {
			if (!error.isTemporary) key = "";
			if (NOBODY.includes(error.code)) return null;
			throw error;
		});
		key = "";
		return answer;
	}
	return { obtain: (isOver) => withLock(platform, name, async () => {
		if (isOver()) return null;
		return request({ grant_type: "refresh_token" }).catch((error) => {
			if (error.code !== "invalid_grant") throw error;
			return exchange();
		});
	}) };
}
// src/api/holder.ts
/** Milliseconds of life below which a token may be over before it arrives. */
var LAST_MOMENT = 2e3;
/** Milliseconds of life below which a token is renewed, where a tenth of its life is less. */
var AGEING = 6e4;
/** What a Bearer token consists of (RFC 6750 section 2.1). */
var TOKEN = /^[\w.~+/-]+=*$/;
/** The session cookie speaks; nobody did anything wrong. */
var COOKIE = {
	status: "cookie",
	expiresAt: null
};
/** @param wall this machine's clock, by which the state says when the token ends */
function createHolder(clock, wall, emit, tabs) {
	let state = {
		status: "unknown",
		subject: null,
		phase: null,
		expiresAt: null
	};
	let held = null;
	/** The token after which the cookie speaks, since no new ones are given out. */
	let last = null;
	const is = (status) => state.status === status;
	const left = ({ expiresAt }) => expiresAt - clock.now();
	/** The token, if a request that carries it now arrives in time. */
	const findUsable = () => held && left(held) > Math.min(LAST_MOMENT, held.life / 10) ? held : null;
	function set(change) {
		const before = state;
		state = {
			...before,
			...change
		};
		if (state.phase && state.phase !== before.phase) emit("phase", { phase: state.phase });
		emit("change", state);
	}
	/** Hold a token that the gateway has just given out. */
	function take({ access_token: token, expires_in, subject = null, phase = null }) {
		if (!TOKEN.test(token ?? "") || !(expires_in > 0)) throw new CrossfadeError("network_error");
		const life = expires_in * 1e3;
		held = {
			token,
			subject,
			life,
			expiresAt: clock.now() + life
		};
		const from = state.subject;
		const expiresAt = wall() + life;
		set({
			status: "token",
			subject,
			phase,
			expiresAt
		});
		if (from !== null && from !== subject) emit("userChanged", {
			from,
			to: subject
		});
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
			set(last ? { phase } : {
				...COOKIE,
				phase
			});
		},
		/** Forget a token that was refused. */
		drop(refused) {
			if (held !== refused) return;
			held = null;
			if (refused === last) set(COOKIE);
		},
		/** Forget the token; nobody is signed in now. */
		signOut(reason) {
			const isNews = state.subject !== null || reason === "logout";
			held = null;
			set({
				status: "visitor",
				subject: null,
				expiresAt: null
			});
			if (reason === "logout") tabs.tell(0);
			if (isNews) emit("signedOut", { reason });
		}
	};
}
// src/api/refresh.ts
/** Milliseconds that a request waits for a token before it is answered otherwise. */
var PATIENCE = 5e3;
/** Half of the milliseconds before the second try; the pause doubles with each further one, up to the longest. */
var FIRST_PAUSE = 200;
var LONGEST_PAUSE = 6e4;
/** Answers that say: use the session cookie. Nobody did anything wrong. */
var COOKIE_INSTEAD = [
	"phase_off",
	"issuing_suspended",
	"bypassed",
	"too_many_families"
];
function createRefresh({ isServer, random, timer, deadline }, grants, holder) {
	/** The renewal under way; it ends when the gateway has answered, and is never rejected. */
	let flight = null;
	/** Its first try. */
	let firstTry = null;
	let failures = 0;
	/** Why there is no token; null where all is well. */
	let failure = null;
	let endPause = () => {};
	let isClosed = false;
	/**
	* Renew the token. On a server there is no user whose cookies could be sent.
	*
	* @returns the renewal that was under way before, which this one joins
	*/
	function renew() {
		if (flight || isServer) return flight;
		firstTry = new Promise((letGo) => {
			flight = tryUntilAnswered(letGo).finally(() => {
				flight = null;
				letGo();
			});
		});
		return null;
	}
	/**
	* Wait for a token, but not for ever, and not for somebody who has left. Where the cookie can stand in, those who wait
	* are let go after the first try.
	*
	* @param mayUseCookie whether it can, and will do
	* @returns whether it was too long
	*/
	function renewed(signal, mayUseCookie = holder.mayUseCookie()) {
		renew();
		const patience = new Promise((resolve, reject) => {
			deadline(PATIENCE).addEventListener("abort", () => resolve(true));
			signal?.throwIfAborted();
			signal?.addEventListener("abort", () => reject(signal.reason));
		});
		return Promise.race([mayUseCookie ? firstTry : flight, patience]);
	}
	/**
	* Try until the gateway says yes or no. An answer that was lost may have been a yes, and the gateway repeats it for
	* half a minute only, so that the second try must not wait for the next request of the page.
	*/
	async function tryUntilAnswered(letGo) {
		do
			try {
				await tryOnce();
				failures = 0;
				failure = null;
				return;
			} catch (error) {
				failure = error;
				failures += 1;
				if (!failure.isTemporary) return giveUp(failure);
				letGo();
				await pause(failure.retryAfter * 1e3);
			}
		while (!isClosed && !holder.is("visitor"));
	}
	async function tryOnce() {
		const isOver = () => holder.is("visitor");
		const before = holder.findUsable();
		const answer = await grants.obtain(isOver);
		if (isOver()) return;
		if (answer) holder.take(answer);
		else if ((holder.findUsable() ?? before) === before) signOut("expired");
	}
	function pause(atLeast) {
		const longest = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
		return new Promise((resolve) => {
			endPause = resolve;
			timer(resolve, Math.max(longest * (.5 + random() / 2), Math.min(atLeast, LONGEST_PAUSE)));
		});
	}
	/** There is no token to be had now, and trying again would not help. */
	function giveUp(error) {
		failure = COOKIE_INSTEAD.includes(error.code) ? null : error;
		holder.suspend(error.phase);
	}
	function signOut(reason) {
		holder.signOut(reason);
		endPause();
	}
	return {
		renew,
		renewed,
		giveUp,
		signOut,
		get failure() {
			return failure;
		},
		/** Somebody wants to know now: a pause is over, unless the gateway asked for it. */
		hurry() {
			if (!failure?.retryAfter) endPause();
		},
		/** The page came back, or the network: look again at once. */
		wake() {
			endPause();
			if (holder.isAgeing()) renew();
		},
		/** Another tab tells when its token ends, or 0 when the user signed out there. */
		hear(expiresAt) {
			if (expiresAt === 0) return signOut("elsewhere");
			if (holder.is("visitor") || holder.is("cookie")) holder.doubt();
			endPause();
		},
		close() {
			isClosed = true;
			endPause();
		}
	};
}
// src/api/tokens.ts
/** Milliseconds between two looks whether the gateway is still on the way. */
var LOOK_PAUSE = 3e4;
function createTokens(monotonic, ask, holder, refresh) {
	let lookedAt = -Infinity;
	const { is, findUsable } = holder;
	/**
	* Return what a request carries, or null where it goes with the cookie alone.
	*
	* @param subject whose request it is, where that is known
	* @param isCookieRefused the gateway has refused this request with the cookie; others may still go with it
	* @throws CrossfadeError there is no token for the moment and the cookie does not count in this phase or for this
	*   request, or `user_changed`
	*/
	async function forRequest(signal, subject = holder.state.subject, isCookieRefused = false) {
		const mayUseCookie = () => (!isCookieRefused || is("cookie")) && holder.mayUseCookie();
		let usable = findUsable();
		if (usable) {
			if (holder.isAgeing()) refresh.renew();
		} else {
			if (is("visitor") || is("cookie")) return null;
			await refresh.renewed(signal, mayUseCookie());
			usable = findUsable();
		}
		if (usable && subject !== null && subject !== usable.subject) throw new CrossfadeError("user_changed");
		if (!usable && !is("visitor") && !mayUseCookie()) throw refresh.failure ?? new CrossfadeError("timeout");
		return usable;
	}
	/**
	* Return what a request that was answered 401 is repeated with; `used` itself where that would change nothing.
	*
	* @param isOwn the gateway refused it; else the application did, maybe because there is no gateway on the way
	*/
	async function after401(used, isOwn, signal) {
		if (used && !isOwn) {
			if (is("token") && isLookDue()) await look().catch(() => {});
			return is("cookie") ? null : used;
		}
		if (used) holder.drop(used);
		else if (!isOwn || is("visitor") || is("cookie") && !isLookDue()) return used;
		else if (is("cookie")) holder.doubt();
		return await forRequest(signal, used?.subject, !used) ?? (is("visitor") ? used : null);
	}
	function isLookDue() {
		const now = monotonic();
		if (now - lookedAt < LOOK_PAUSE) return false;
		lookedAt = now;
		return true;
	}
	const current = () => is("visitor") ? null : holder.state;
	/** Ask the gateway who this is. */
	async function look() {
		const used = await forRequest();
		const answer = await ask("session", { token: used?.token }).catch(async (error) => {
			if (isRefusal(error)) await after401(used, true);
			else if (error.isTemporary) throw error;
			else {
				refresh.giveUp(error);
				if (used) holder.drop(used);
			}
		});
		if (answer) holder.set({ phase: answer.phase });
		return answer?.subject && !used ? renew(false) : current();
	}
	/**
	* Ask for a token, whatever is known.
	*
	* @param isStrict nothing but a token will do: try now and again, until that was answered or patience is over
	*/
	async function renew(isStrict, isAgain = false) {
		if (isStrict) refresh.hurry();
		if (!findUsable()) holder.doubt();
		const isJoining = refresh.renew() && !isAgain;
		const isLate = await refresh.renewed(null, !isStrict && holder.mayUseCookie());
		const failure = refresh.failure ?? (isLate && new CrossfadeError("timeout"));
		if (failure && (isStrict || !failure.isTemporary)) throw failure;
		return isJoining && !findUsable() && !is("cookie") ? renew(isStrict, true) : current();
	}
	return {
		forRequest,
		after401,
		look,
		renew
	};
}
// src/api/client.ts
/**
* Make the client of a page. One per page is enough; tabs find each other.
*
* On a server, which has many users, the client asks for no tokens: `fetch` is the built-in one, and the state stays
* `unknown`. Relative addresses need `baseUrl` there.
*
* @example
* const client = createClient();
* const session = await client.adoptSession();
* const response = await client.fetch("/api/me");
*
* @throws TypeError `baseUrl` is no address of a server; `localhost:8080` lacks its `http://`
*/
function createClient(options = {}) {
	return createClientOn(thisPlatform(), options);
}
/** Make a client whose surroundings are given; tests do. */
function createClientOn(platform, options) {
	const { clientId = "web", exclude = [] } = options;
	const here = globalThis.location?.href ?? "http://localhost";
	const base = new URL(options.baseUrl ?? here, here);
	const prefix = new URL(options.prefix ?? "/.crossfade", base.origin).pathname;
	const own = base.origin + prefix;
	const name = `crossfade ${own} ${clientId}`;
	const clock = createClock(platform.wall, platform.monotonic);
	const ask = createAsk(platform, clock, `${own}/`);
	const grants = createGrants(platform, ask, clientId, name);
	const { on, emit } = createListeners();
	const tabs = createTabs(platform, name, (expiresAt) => refresh.hear(expiresAt));
	const holder = createHolder(clock, platform.wall, emit, tabs);
	const refresh = createRefresh(platform, grants, holder);
	const tokens = createTokens(platform.monotonic, ask, holder, refresh);
	const send = createFetch(tokens, platform.fetch, base, [
		() => platform.isServer,
		`${prefix}/*`,
		...exclude
	]);
	const closing = new AbortController();
	const listen = (event, listener) => platform.listen(event, listener, closing.signal);
	listen("visibilitychange", () => platform.isHidden() || refresh.wake());
	listen("online", refresh.wake);
	listen("pageshow", (event) => {
		if (event.persisted) tokens.renew(false).catch(() => {});
		refresh.wake();
	});
	return {
		fetch: send,
		get state() {
			return holder.state;
		},
		on,
		adoptSession: () => tokens.renew(false),
		session: tokens.look,
		refresh: () => tokens.renew(true),
		async login({ username, password }) {
			const form = {
				grant_type: "password",
				client_id: clientId,
				username,
				password
			};
			holder.take(await withLock(platform, name, () => ask("token", { form })));
			return holder.state;
		},
		async logout({ everywhere = false } = {}) {
			const credential = await tokens.forRequest().catch(() => null);
			const question = {
				form: { everywhere: `${everywhere}` },
				token: credential?.token
			};
			const result = await withLock(platform, name, () => ask("logout", question)).catch((error) => {
				if (everywhere || !isRefusal(error)) throw error;
				return {
					families: 0,
					session: "none"
				};
			});
			refresh.signOut("logout");
			return result;
		},
		async ticketUrl(path) {
			const credential = await tokens.forRequest();
			const plain = { url: path };
			const question = {
				form: { path },
				token: credential?.token
			};
			const { url } = !credential ? plain : await ask("ticket", question).catch((error) => {
				if (error.code === "phase_off") return plain;
				throw error.code === "bypassed" ? new CrossfadeError("not_found", { status: error.status }) : error;
			});
			return new URL(url, base).href;
		},
		close() {
			closing.abort();
			tabs.close();
			refresh.close();
		}
	};
}
// src/global.ts
/**
* Let every `fetch` of the page go through the client, for code that cannot be given another one. Requests to other
* origins pass as they are. Make the client first: it keeps the built-in `fetch` for itself.
*
* @returns how to put the former `fetch` back
*
* @example
* const restore = wrapGlobalFetch(createClient());
* await fetch("/api/me"); // with the user's token
*/
function wrapGlobalFetch(client) {
	const former = globalThis.fetch;
	const wrapped = async (input, init) => {
		const page = globalThis.document?.baseURI ?? globalThis.location?.href;
		return client.fetch(input instanceof Request ? input : new URL(input, page), init);
	};
	globalThis.fetch = wrapped;
	return () => {
		if (globalThis.fetch === wrapped) globalThis.fetch = former;
	};
}
export { CrossfadeError, createClient, isCrossfadeError, wrapGlobalFetch };
