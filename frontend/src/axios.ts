import type { AxiosRequestConfig } from "axios";
import type { Client } from "./api/client.js";

/**
 * Return what makes axios send through the client; give it to `axios.create` or spread it into a request's
 * configuration. Needs axios 1.12 or later, whose own fetch adapter does the work.
 *
 * @example
 * const api = axios.create({ baseURL: location.origin, ...withCrossfade(client) });
 * const { data } = await api.get("/api/me");
 */
export function withCrossfade(client: Client): Pick<AxiosRequestConfig, "adapter" | "env"> {
  return { adapter: "fetch", env: { fetch: client.fetch } };
}
