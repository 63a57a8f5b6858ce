// A phone: somebody who is not signed in, a user who is, and a token that is none.
import process from "node:process";

const [, , module, url, anonKey, token] = process.argv;
const { createClientLog, createIntegrationLog } = await import(module);
const phone = (accessToken) =>
  createIntegrationLog({ url, anonKey, accessToken, release: "app@1.4", environ: {}, onLost: () => {}, repeatMs: 0 });
const use = { provider: "mapbox", event: "mapbox_map_rendered", outcome: "success", source: "screen" };

let signedIn = null;
const log = phone(() => signedIn);
log.logIntegrationEvent({ ...use, detail: { zoom: 3, mail: "ada@example.com" } });
const nobody = await log.flush();
signedIn = token;
const user = await log.flush();
const other = phone(() => "forged");
other.logIntegrationEvent(use);
const small = createClientLog({ url, anonKey, accessToken: () => token, environ: {}, keys: ["zoom"], repeatMs: 0 });
small.logIntegrationEvent({ ...use, event: "mapbox_geocode_ok", detail: { zoom: 4, mail: "ada@example.com" } });
await small.flush();
console.log(JSON.stringify({ nobody, user, stranger: await other.flush() }));
