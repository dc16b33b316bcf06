import { useCallback, useSyncExternalStore } from "react";
import type { Client } from "./api/client.js";
import type { ClientState } from "./api/events.js";

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
  return useSyncExternalStore(subscribe, read, read);
}
