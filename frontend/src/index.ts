/** The browser client of the Crossfade gateway. */
export { type Client, type ClientOptions, createClient, type LogoutResult } from "./api/client.js";
export {
  type ClientCode,
  CrossfadeError,
  type ErrorCode,
  type ErrorDetails,
  type GatewayCode,
  isCrossfadeError,
} from "./api/errors.js";
export type { ClientEvents, ClientState, Phase, Status } from "./api/events.js";
export type { Exclusion } from "./api/fetch.js";
export { wrapGlobalFetch } from "./global.js";
