/** What stands in front of the gateway in these tests: a balancer that serves the pages and can do what networks do. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { createInterface, type Interface } from "node:readline";

const HERE = new URL(".", import.meta.url).pathname;
const FOLDERS: Record<string, string> = { "/test/": HERE, "/built/": `${HERE}../../demo/` };
const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/** What is done to a request: lost before or after the gateway saw it, answered by the balancer, or delayed. */
export type Fate =
  | { lose: "request" | "response" }
  | { status: number; headers?: Record<string, string>; body?: string }
  | { delay: number }
  | null;

export class Front {
  origin = "";
  fate: (request: IncomingMessage) => Fate = () => null;
  /** Whether requests go past the gateway. */
  isBypassing = false;
  /** Whose scripts these pages may talk to, beside their own origin. */
  connects = "";
  readonly seen: string[] = [];
  lastAuthorization = "";
  ports = { gateway: 0, app: 0 };
  readonly #server: Server = createServer((incoming, answer) => void this.#serve(incoming, answer));

  async listen(): Promise<void> {
    this.#server.on("upgrade", (incoming, client) => this.#switch(incoming, client));
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.origin = `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  count(line: string): number {
    return this.seen.filter((seen) => seen === line).length;
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname } = new URL(incoming.url ?? "/", this.origin);
    const folder = Object.keys(FOLDERS).find((prefix) => pathname.startsWith(prefix));
    if (folder) return this.#file(`${FOLDERS[folder]}${pathname.slice(folder.length) || "index.html"}`, answer);
    this.seen.push(`${incoming.method} ${pathname}`);
    this.lastAuthorization = incoming.headers.authorization ?? this.lastAuthorization;
    const fate = this.fate(incoming);
    if (fate && "status" in fate) {
      answer.writeHead(fate.status, { ...fate.headers, connection: "close" }).end(fate.body ?? "not now");
      return;
    }
    if (fate && "lose" in fate && fate.lose === "request") return void incoming.socket.destroy();
    if (fate && "delay" in fate) await new Promise((resolve) => setTimeout(resolve, fate.delay));
    this.#forward(incoming, answer, fate !== null && "lose" in fate);
  }

  /** A WebSocket: its handshake as it came, and then whatever the two say to each other. */
  #switch({ method, url, rawHeaders }: IncomingMessage, client: Duplex): void {
    const gateway = connect(this.ports.gateway, "127.0.0.1");
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let index = 0; index < rawHeaders.length; index += 2) lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
    gateway.write(`${lines.join("\r\n")}\r\n\r\n`);
    for (const [from, to] of [[client, gateway], [gateway, client]] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  }

  async #file(path: string, answer: ServerResponse): Promise<void> {
    const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${this.connects}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
    const type = TYPES[path.split(".").at(-1) ?? ""] ?? "text/plain";
    try {
      const bytes = await readFile(path);
      answer.writeHead(200, { "content-type": type, "content-security-policy": policy, "cache-control": "no-cache" }).end(bytes);
    } catch {
      answer.writeHead(404).end();
    }
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse, isLost: boolean): void {
    const port = this.isBypassing ? this.ports.app : this.ports.gateway;
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
      if (isLost) {
        response.resume().on("end", () => answer.destroy());
        return;
      }
      // Without this, the browser would itself repeat what is lost on a connection that it used before.
      answer.writeHead(response.statusCode ?? 502, { ...response.headers, connection: "close" });
      response.pipe(answer);
    });
    outgoing.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(502, { connection: "close" }).end("nobody there");
    });
    answer.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}

/** The real application and the real gateway. */
export class Backend {
  #child: ChildProcess;
  #lines: Interface;
  #waiting: ((line: string) => void)[] = [];

  private constructor(options: object) {
    const python = process.env["PYTHON"] ?? `${HERE}../../../.venv/bin/python`;
    this.#child = spawn(python, [`${HERE}backend.py`, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#lines.on("line", (line) => this.#waiting.shift()?.(line));
    this.#child.on("exit", () => this.#waiting.shift()?.('{"error":"the backend has ended"}'));
  }

  /** Start them behind a front. `extra` is added to the gateway's configuration, `issuer` is what it calls the site. */
  static async behind(front: Front, options: { extra?: string; issuer?: string } = {}): Promise<Backend> {
    const backend = new Backend({ front: front.origin, ...options });
    front.ports = (await backend.#next()) as typeof front.ports;
    return backend;
  }

  phase(phase: string): Promise<unknown> {
    return this.#say(`phase ${phase}`);
  }

  stopGateway(): Promise<unknown> {
    return this.#say("stop");
  }

  startGateway(): Promise<unknown> {
    return this.#say("start");
  }

  async events(): Promise<Record<string, number>> {
    return ((await this.#say("events")) as { events: Record<string, number> }).events;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await ended;
  }

  #say(line: string): Promise<unknown> {
    this.#child.stdin?.write(`${line}\n`);
    return this.#next();
  }

  async #next(): Promise<unknown> {
    const answer = JSON.parse(await new Promise<string>((resolve) => this.#waiting.push(resolve)));
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
}
