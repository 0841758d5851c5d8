/** undici's Client alone: half the size and load time of the whole library, which brings fetch, WebSocket and mocks along. */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici'
  export default Client
}
