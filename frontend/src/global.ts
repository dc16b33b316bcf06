import type { Client } from "./api/client.js";

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
export function wrapGlobalFetch(client: Client): () => void {
  const former = globalThis.fetch;
  // Relative addresses stay relative to the page, wherever the gateway is.
  const wrapped: typeof fetch = async (input, init) => {
    const page = globalThis.document?.baseURI ?? globalThis.location?.href; // neither on a server
    return client.fetch(input instanceof Request ? input : new URL(input, page), init);
  };
  globalThis.fetch = wrapped;
  return () => {
    if (globalThis.fetch === wrapped) globalThis.fetch = former;
  };
}
