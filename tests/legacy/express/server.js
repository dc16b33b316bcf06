// A real Express application whose sessions the gateway reads. Its one argument is JSON:
// { store: "redis" | "postgres" | "memory" | "cookie", url, secrets, user: "passport" | "own", csrf: "session" | "cookie" }. It prints
// its port. With csrf, csurf checks everything but the login, and the page /form has the token.
import express from "express";
import expressSession from "express-session";
import cookieSession from "cookie-session";
import passport from "passport";
import { RedisStore } from "connect-redis";
import { createClient } from "redis";
import connectPg from "connect-pg-simple";
import csurf from "csurf";
import cookieParser from "cookie-parser";
import pg from "pg";

const options = JSON.parse(process.argv[2]);
const app = express();
app.use(express.urlencoded({ extended: false }));

async function store() {
  if (options.store === "memory") return new expressSession.MemoryStore();
  if (options.store === "redis") {
    const client = createClient({ url: options.url });
    await client.connect();
    return new RedisStore({ client });
  }
  const pool = new pg.Pool({ connectionString: options.url });
  return new (connectPg(expressSession))({ pool, createTableIfMissing: true });
}

if (options.store === "cookie") {
  app.use(cookieSession({ name: "session", keys: options.secrets }));
} else {
  app.use(
    expressSession({
      store: await store(),
      secret: options.secrets,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 3600000 },
    }),
  );
}

if (options.user === "passport") {
  passport.serializeUser((user, done) => done(null, user.id));
  passport.deserializeUser((id, done) => done(null, { id }));
  app.use(passport.session());
}
const userOf = (request) => (options.user === "passport" ? request.user?.id : request.session?.userId) ?? "";

app.post("/login", (request, response, next) => {
  if (options.user === "passport") {
    request.logIn({ id: request.body.user }, (error) => (error ? next(error) : response.send("in")));
  } else {
    request.session.userId = request.body.user;
    response.send("in");
  }
});
if (options.csrf === "cookie") app.use(cookieParser());
if (options.csrf) app.use(csurf({ cookie: options.csrf === "cookie" }));
app.get("/form", (request, response) => response.send(request.csrfToken()));
app.post("/signin", express.json(), (request, response, next) => {
  const { username, password } = request.body;
  if (username === "busy") return response.status(429).set("Retry-After", "7").send();
  if (username === "broken") return response.status(500).send();
  if (password !== "lovelace-1843") return response.status(400).json({ error: "no" });
  if (options.user === "own") { request.session.userId = username; return response.json({}); }
  request.logIn({ id: username }, (error) => (error ? next(error) : response.json({})));
});
app.post("/logout", (request, response, next) => {
  const done = (error) => (error ? next(error) : response.send("out"));
  if (options.user === "passport") request.logOut(done);
  else if (options.store === "cookie") { request.session = null; done(); }
  else request.session.destroy(done);
});
app.post("/note", (request, response) => {
  request.session.notes = [...(request.session.notes ?? []), request.body.text ?? ""];
  response.send(`${userOf(request)}:${request.session.notes.length}`);
});
app.post("/rotate", (request, response, next) => {
  const session = { ...request.session };
  delete session.cookie;
  if (options.store === "cookie") { request.session.rotated = true; return response.send("rotated"); }
  request.session.regenerate((error) => {
    Object.assign(request.session, session);
    return error ? next(error) : response.send("rotated");
  });
});
app.post("/expire", (request, response) => {
  request.session.cookie.maxAge = -1000; // where the session is a record; a cookie-session has no age
  response.send("expired");
});
app.get("/visit", (request, response) => { request.session.seen = true; response.send("seen"); });
app.get("/me", (request, response) => (userOf(request) ? response.json({ id: userOf(request) }) : response.status(401).end()));
app.get("/who", (request, response) => response.send(String(userOf(request))));

const server = app.listen(Number(options.port ?? 0), "127.0.0.1", () => console.log(server.address().port));
if (!options.port) process.stdin.on("end", () => process.exit(0)).resume(); // who started it is gone
