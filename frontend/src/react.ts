import { useCallback, useSyncExternalStore } from "react";
import type { Client } from "./api/client.js";
import type { ClientState } from "./api/events.js";

/** What a server knows; while React takes over what the server rendered, the page must say the same. */
const ON_SERVER: ClientState = { status: "unknown", subject: null, phase: null, expiresAt: null };

/**
 * Return what the client knows, and render again when that changes.
 *
 * @example
 * function Greeting() {
 *   const { status, subject } = useCrossfade(client);
 *   return status === "visitor" ? <a href="/login/">Sign in</a> : <p>Hello, {subject}</p>;
 * }
 */
export function useCrossfade(client: Client): ClientState {
  const subscribe = useCallback((listener: () => void) => client.on("change", listener), [client]);
  const read = () => client.state;
  return useSyncExternalStore(subscribe, read, () => ON_SERVER);
}
